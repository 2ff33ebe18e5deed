"""MobileNetV2: torchvision's names, Keras' and those of the authors' TFLite files."""

import re

from kzoo.weights import folded
from kzoo.weights.layout import PAIR, Layout, from_keras, from_torch, has
from kzoo.weights.published import Published, sha256_of

# Blocks of table 2 in each of its rows.
_DEPTHS = (1, 2, 3, 4, 3, 3, 1)


def torchvision(layer):
    """'features.2.conv.1.0' -> 'block2_depthwise_conv'."""
    found = re.fullmatch(r"features\.(0|18)\.([01])", layer)
    if found:
        return f"{'stem' if found[1] == '0' else 'head'}_{PAIR[found[2]]}"
    found = re.fullmatch(r"features\.(\d+)\.conv\.(\d)(?:\.([01]))?", layer)
    if not found:
        return "logits" if layer == "classifier.1" else None
    block, step, kind = found.groups()
    # The first block does not expand. The last convolution and its batch norm are
    # steps of their own, the others are pairs.
    parts = ["depthwise"] if block == "1" else ["expand", "depthwise"]
    if kind is None:
        return f"block{block}_project_{PAIR[str(int(step) - len(parts))]}"
    return f"block{block}_{parts[int(step)]}_{PAIR[kind]}"


def keras_applications(layer):
    """'block_1_expand_BN' -> 'block2_expand_bn'."""
    ends = {
        "Conv1": "stem_conv",
        "bn_Conv1": "stem_bn",
        "Conv_1": "head_conv",
        "Conv_1_bn": "head_bn",
        "predictions": "logits",
    }
    pattern = r"(?:expanded_conv|block_(\d+))_(expand|depthwise|project)(_BN)?"
    found = re.fullmatch(pattern, layer)
    if not found:
        return ends.get(layer)
    number, part, norm = found.groups()
    return f"block{int(number or 0) + 1}_{part}_{'bn' if norm else 'conv'}"


def timm(depths, plain=1):
    """The function of timm's names: 'blocks.1.0.conv_dw' -> 'block2_depthwise_conv'.

    There are `depths` blocks in the stages, the first `plain` of which do not expand.
    """

    def rename(layer):
        found = re.fullmatch(r"blocks\.(\d)\.(\d+)\.(.+)", layer)
        if not found:
            return _TIMM_ENDS.get(layer)
        stage, block = int(found[1]), int(found[2])
        part = (_TIMM_PLAIN if stage < plain else _TIMM_EXPANDING).get(found[3])
        return part and f"block{sum(depths[:stage]) + block + 1}_{part}"

    return rename


_TIMM_ENDS = {
    "conv_stem": "stem_conv",
    "bn1": "stem_bn",
    "conv_head": "head_conv",
    "bn2": "head_bn",
    "classifier": "logits",
}
_TIMM_SQUEEZE = {"se.conv_reduce": "se_1_conv", "se.conv_expand": "se_2_conv"}
_TIMM_PLAIN = {
    "conv_dw": "depthwise_conv",
    "bn1": "depthwise_bn",
    "conv_pw": "project_conv",
    "bn2": "project_bn",
    **_TIMM_SQUEEZE,
}
_TIMM_EXPANDING = {
    "conv_pw": "expand_conv",
    "bn1": "expand_bn",
    "conv_dw": "depthwise_conv",
    "bn2": "depthwise_bn",
    "conv_pwl": "project_conv",
    "bn3": "project_bn",
    **_TIMM_SQUEEZE,
}


def tflite():
    """[(layer, operation)] in the order of the authors' graph."""
    layers = [("stem", "CONV_2D")]
    for block in range(1, 18):
        if block > 1:
            layers.append((f"block{block}_expand", "CONV_2D"))
        layers.append((f"block{block}_depthwise", "DEPTHWISE_CONV_2D"))
        layers.append((f"block{block}_project", "CONV_2D"))
    return [*layers, ("head", "CONV_2D"), ("logits", "CONV_2D")]


LAYOUTS = (
    Layout(
        "torchvision MobileNetV2",
        ("mobilenet_v2_torchvision",),
        has("features.0.0.weight", "features.17.conv.3.running_mean"),
        from_torch(torchvision),
    ),
    Layout(
        "keras.applications MobileNetV2",
        ("mobilenet_v2",),
        has("bn_Conv1/gamma", "expanded_conv_project/kernel"),
        from_keras(keras_applications),
    ),
    Layout(
        "timm MobileNetV2",
        ("mobilenet_v2_torchvision",),
        has("blocks.6.0.conv_pwl.weight", "conv_head.weight", "bn2.running_mean"),
        from_torch(timm(_DEPTHS)),
    ),
    Layout(
        "folded MobileNetV2",
        ("mobilenet_v2",),
        folded.has_operations(tflite()),
        folded.from_operations(tflite()),
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_KERAS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
)
_PYTORCH_PUBLISHED = (
    ("imagenet", "mobilenet_v2-b0353104.pth", "71.878 / 90.286"),
    ("imagenet_v2", "mobilenet_v2-7ebf99e0.pth", "72.154 / 90.822"),
)
_TIMM_PUBLISHED = (
    (0.5, "mobilenetv2_050.lamb_in1k", "65.928 / 86.114"),
    (1.0, "mobilenetv2_100.ra_in1k", "72.910 / 91.000"),
    (1.4, "mobilenetv2_140.ra_in1k", "76.528 / 93.008"),
)
# Width, side of the pictures, score that TF-slim publishes.
_KERAS_PUBLISHED = (
    (0.35, 224, "60.3 / 82.9"),
    (0.35, 192, "58.2 / 81.2"),
    (0.35, 160, "55.7 / 79.1"),
    (0.35, 128, "50.8 / 75.0"),
    (0.35, 96, "45.5 / 70.4"),
    (0.5, 224, "65.4 / 86.4"),
    (0.5, 192, "63.9 / 85.4"),
    (0.5, 160, "61.0 / 83.2"),
    (0.5, 128, "57.7 / 80.8"),
    (0.5, 96, "51.2 / 75.8"),
    (0.75, 224, "69.8 / 89.6"),
    (0.75, 192, "68.7 / 88.9"),
    (0.75, 160, "66.4 / 87.3"),
    (0.75, 128, "63.2 / 85.3"),
    (0.75, 96, "58.8 / 81.6"),
    (1.0, 224, "71.8 / 91.0"),
    (1.0, 192, "70.7 / 90.1"),
    (1.0, 160, "68.8 / 89.0"),
    (1.0, 128, "65.3 / 86.9"),
    (1.0, 96, "60.3 / 83.2"),
    (1.3, 224, "74.4 / 92.1"),
    (1.4, 224, "75.0 / 92.5"),
)
PUBLISHED = (
    *(
        Published(
            "imagenet" if side == 224 else f"imagenet_{side}",
            "mobilenet_v2",
            f"{_KERAS}_{width}_{side}.h5",
            "",
            "Apache-2.0",
            score,
            {} if width == 1 else {"width": width},
        )
        for width, side, score in _KERAS_PUBLISHED
    ),
    *(
        Published(
            name,
            "mobilenet_v2_torchvision",
            _PYTORCH + file,
            sha256_of(file),
            "BSD-3",
            score,
        )
        for name, file, score in _PYTORCH_PUBLISHED
    ),
    *(
        Published(
            "timm",
            "mobilenet_v2_torchvision",
            f"hf://timm/{tag}/model.safetensors",
            "",
            "Apache-2.0",
            score,
            {} if width == 1 else {"width": width},
        )
        for width, tag, score in _TIMM_PUBLISHED
    ),
)
