"""ResNet v2: timm's names and those of keras.applications."""

import re

from kzoo.weights.families.resnet import move_epsilon
from kzoo.weights.layout import Layout, from_keras, from_torch, has
from kzoo.weights.published import Published


def timm(layer):
    """'stages.0.blocks.1.norm2' -> 'stage2_block2_2_bn'."""
    ends = {
        "stem.conv": "stem_conv",
        "stages.0.blocks.0.norm1": "stem_bn",
        "norm": "post_bn",
        "head.fc": "logits",
    }
    if layer in ends:
        return ends[layer]
    pattern = r"stages\.(\d)\.blocks\.(\d+)\.(?:(conv|norm)(\d)|downsample\.conv)"
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    stage, block, kind, number = found.groups()
    part = f"{number}_{'bn' if kind == 'norm' else kind}" if kind else "shortcut_conv"
    return f"stage{int(stage) + 2}_block{int(block) + 1}_{part}"


def timm_arrays(arrays):
    """timm's linear layer is a 1x1 convolution."""
    converted = from_torch(timm)(arrays)
    kernel = converted.get("logits/kernel")
    if kernel is not None and kernel.ndim == 4:
        converted["logits/kernel"] = kernel[0, 0]
    return converted


def keras_applications(layer):
    """'conv2_block1_1_bn' -> 'stage2_block1_2_bn': theirs begins with 'preact'."""
    ends = {"conv1_conv": "stem_conv", "post_bn": "post_bn", "predictions": "logits"}
    found = re.fullmatch(r"conv(\d)_block(\d+)_(\d|preact)_(conv|bn)", layer)
    if not found:
        return ends.get(layer)
    stage, block, number, kind = found.groups()
    if kind == "bn":
        number = 1 if number == "preact" else int(number) + 1
    part = "shortcut" if number == "0" else number
    return f"stage{stage}_block{block}_{part}_{kind}"


def keras_arrays(arrays):
    return move_epsilon(from_keras(keras_applications)(arrays))


LAYOUTS = (
    Layout(
        "timm ResNet v2",
        ("resnet50_v2", "resnet101_v2", "resnet152_v2", "resnet200_v2"),
        has("stages.0.blocks.0.norm1.running_mean", "stem.conv.weight"),
        timm_arrays,
    ),
    Layout(
        "keras.applications ResNet v2",
        ("resnet50_v2_keras", "resnet101_v2_keras", "resnet152_v2_keras"),
        has("conv2_block1_preact_bn/gamma", "post_bn/gamma"),
        keras_arrays,
    ),
)

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
_KERAS_PUBLISHED = (
    ("resnet50", "3ef43a0b657b3be2300d5770ece849e0", "76.0 / 93.0"),
    ("resnet101", "6343647c601c52e1368623803854d971", "77.2 / 93.8"),
    ("resnet152", "a49b44d1979771252814e80f8ec446f9", "78.0 / 94.2"),
)
# timm's, at 224 pixels.
_TIMM_PUBLISHED = ((50, "80.410 / 95.082"), (101, "82.042 / 95.866"))
PUBLISHED = (
    *(
        Published(
            "imagenet",
            f"resnet{depth}_v2",
            f"hf://timm/resnetv2_{depth}.a1h_in1k/model.safetensors",
            "",
            "Apache-2.0",
            score,
        )
        for depth, score in _TIMM_PUBLISHED
    ),
    *(
        Published(
            "imagenet",
            f"{name}_v2_keras",
            f"{_KERAS}{name}v2_weights_tf_dim_ordering_tf_kernels.h5",
            f"md5:{md5}",
            "Apache-2.0",
            score,
        )
        for name, md5, score in _KERAS_PUBLISHED
    ),
)
