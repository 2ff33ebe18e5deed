"""DenseNet: torchvision's names, which timm keeps, and keras.applications'."""

import re

from kzoo.weights.families.resnet import move_epsilon
from kzoo.weights.layout import Layout, from_keras, from_torch, has
from kzoo.weights.published import Published, sha256_of


def torchvision(layer):
    """'features.denseblock1.denselayer2.norm1' -> 'stage2_layer2_1_bn'.

    Files of 2017, torchvision's V1 among them, have 'norm.1' for 'norm1'.
    """
    ends = {
        "features.conv0": "stem_conv",
        "features.norm0": "stem_bn",
        "features.norm5": "post_bn",
        "classifier": "logits",
    }
    kinds = {"norm": "bn", "conv": "conv"}
    found = re.fullmatch(r"features\.transition(\d)\.(norm|conv)", layer)
    if found:
        return f"stage{int(found[1]) + 1}_transition_{kinds[found[2]]}"
    pattern = r"features\.denseblock(\d)\.denselayer(\d+)\.(norm|conv)\.?([12])"
    found = re.fullmatch(pattern, layer)
    if not found:
        return ends.get(layer)
    block, number, kind, step = found.groups()
    return f"stage{int(block) + 1}_layer{number}_{step}_{kinds[kind]}"


def keras_applications(layer):
    """'conv2_block2_0_bn' -> 'stage2_layer2_1_bn': ours counts batch norms from 1."""
    ends = {
        "conv1_conv": "stem_conv",
        "conv1_bn": "stem_bn",
        "bn": "post_bn",
        "predictions": "logits",
    }
    found = re.fullmatch(r"pool(\d)_(bn|conv)", layer)
    if found:
        return f"stage{found[1]}_transition_{found[2]}"
    found = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer)
    if not found:
        return ends.get(layer)
    stage, number, step, kind = found.groups()
    step = int(step) + 1 if kind == "bn" else step
    return f"stage{stage}_layer{number}_{step}_{kind}"


def keras_arrays(arrays):
    return move_epsilon(from_keras(keras_applications)(arrays))


_BUILDERS = ("densenet121", "densenet169", "densenet201", "densenet264")
LAYOUTS = (
    Layout(
        "torchvision DenseNet",
        _BUILDERS,
        has("features.conv0.weight", "features.transition1.norm.running_mean"),
        from_torch(torchvision),
    ),
    Layout(
        "keras.applications DenseNet",
        _BUILDERS,
        has("conv2_block1_0_bn/gamma", "pool2_conv/kernel"),
        keras_arrays,
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
_PUBLISHED = (
    ("densenet121", "densenet121-a639ec97.pth", "74.434 / 91.972"),
    ("densenet169", "densenet169-b2777c0a.pth", "75.600 / 92.806"),
    ("densenet201", "densenet201-c1103571.pth", "76.896 / 93.370"),
)
_KERAS_PUBLISHED = (
    ("densenet121", "9d60b8095a5708f2dcce2bca79d332c7", "75.0 / 92.3"),
    ("densenet169", "d699b8f76981ab1b30698df4c175e90b", "76.2 / 93.2"),
    ("densenet201", "1ceb130c1ea1b78c3bf6114dbdfd8807", "77.3 / 93.6"),
)
# Torchvision's, as timm keeps and measures them.
_TIMM_PUBLISHED = (
    ("densenet121", "74.750 / 92.158"),
    ("densenet169", "75.922 / 92.976"),
    ("densenet201", "77.284 / 93.480"),
)
PUBLISHED = (
    *(
        Published("imagenet", name, _PYTORCH + file, sha256_of(file), "BSD-3", score)
        for name, file, score in _PUBLISHED
    ),
    *(
        Published(
            "imagenet_keras",
            name,
            f"{_KERAS}{name}_weights_tf_dim_ordering_tf_kernels.h5",
            f"md5:{md5}",
            "Apache-2.0",
            score,
        )
        for name, md5, score in _KERAS_PUBLISHED
    ),
    Published(
        "imagenet_ra",
        "densenet121",
        "hf://timm/densenet121.ra_in1k/model.safetensors",
        "",
        "Apache-2.0",
        "75.574 / 92.648",
    ),
    *(
        Published(
            "imagenet_tv",
            name,
            f"hf://timm/{name}.tv_in1k/model.safetensors",
            "",
            "BSD-3",
            score,
        )
        for name, score in _TIMM_PUBLISHED
    ),
)
