"""Inception v3: torchvision's names, which timm keeps, and keras.applications'."""

import re

from kzoo.models import branches
from kzoo.models.classification.inception_v3 import STEM, modules
from kzoo.weights.layout import Layout, from_keras, from_torch, has
from kzoo.weights.numbered import convolutions, in_order, with_gamma
from kzoo.weights.published import Published, sha256_of

_STEM = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
# Whose branches PyTorch names by what they do, in our order.
_BRANCHES = {
    "5": ("1x1", "5x5", "3x3dbl", "_pool"),
    "6a": ("3x3", "3x3dbl"),
    "6": ("1x1", "7x7", "7x7dbl", "_pool"),
    "7a": ("3x3", "7x7x3"),
    "7": ("1x1", "3x3", "3x3dbl", "_pool"),
}


def torchvision(layer):
    """'Mixed_7b.branch3x3dbl_3a.conv' -> 'mixed7b_branch3_3_branch1_1_conv'."""
    found = re.fullmatch(r"Conv2d_(\w+)\.(conv|bn)", layer)
    if found:
        return f"stem_{_STEM.index(found[1]) + 1}_{found[2]}"
    found = re.fullmatch(r"AuxLogits\.(?:conv([01])\.(conv|bn)|fc)", layer)
    if found:
        part = f"{int(found[1]) + 1}_{found[2]}" if found[1] else "logits"
        return f"head_auxiliary1_{part}"
    pattern = r"Mixed_(\d)(\w)\.branch(_pool|\w+?)(?:_(\d)([ab])?)?\.(conv|bn)"
    found = re.fullmatch(pattern, layer)
    if not found:
        return "logits" if layer == "fc" else None
    stage, letter, branch, step, side, kind = found.groups()
    order = _BRANCHES.get(stage + letter) or _BRANCHES[stage]
    step = "2" if branch == "_pool" else step or "1"
    split = {"a": "_branch1_1", "b": "_branch2_1", None: ""}[side]
    place = f"branch{order.index(branch) + 1}_{step}{split}"
    return f"mixed{stage}{letter}_{place}_{kind}"


def ours():
    """Our convolutions in the order in which Keras' network makes its own."""
    found = [f"stem_{i}" for i in range(1, len(STEM) + 1)]
    for name, module in modules(branches.average_pool).items():
        found += branches.names(module, name)
    return found


def keras_arrays(arrays):
    """Keras' file has neither names nor gamma, which is 1."""
    layers = {"predictions": "logits", **in_order(arrays, ours())}
    return with_gamma(from_keras(layers.get)(arrays))


def is_keras(names):
    count = len(ours())
    return "predictions/kernel" in names and len(convolutions(names)) == count


LAYOUTS = (
    Layout(
        "torchvision Inception3",
        # The last for weights from TensorFlow alone, whose network it is.
        ("inception_v3_torchvision", "inception_v3_gluon", "inception_v3"),
        has("Mixed_5b.branch5x5_1.conv.weight", "Conv2d_1a_3x3.bn.running_mean"),
        from_torch(torchvision),
    ),
    Layout("keras.applications InceptionV3", ("inception_v3",), is_keras, keras_arrays),
)

_TORCHVISION = "inception_v3_google-0cc3c7bd.pth"
_TIMM = (
    ("tf_in1k", "inception_v3_torchvision", "77.866 / 93.644"),
    ("tf_adv_in1k", "inception_v3_torchvision", "77.598 / 93.726"),
    ("tv_in1k", "inception_v3_torchvision", "77.472 / 93.468"),
    ("gluon_in1k", "inception_v3_gluon", "78.806 / 94.372"),
)
PUBLISHED = (
    Published(
        "imagenet",
        "inception_v3",
        "https://storage.googleapis.com/tensorflow/keras-applications/"
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        "md5:9a0d58056eeedaa3f26cb7ebd46da564",
        "Apache-2.0",
        "77.9 / 93.7",
    ),
    Published(
        "imagenet",
        "inception_v3_torchvision",
        f"https://download.pytorch.org/models/{_TORCHVISION}",
        sha256_of(_TORCHVISION),
        "BSD-3",
        "77.294 / 93.450",
    ),
    *(
        Published(
            name,
            builder,
            f"hf://timm/inception_v3.{name}/model.safetensors",
            "",
            "Apache-2.0",
            score,
        )
        for name, builder, score in _TIMM
    ),
)
