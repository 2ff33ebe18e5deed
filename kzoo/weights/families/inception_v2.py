"""BN-Inception: Cadene's names, which are those of the Caffe replica."""

import re

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published

_STEM = {"conv1_7x7_s2": "stem_1", "conv2_3x3_reduce": "stem_2", "conv2_3x3": "stem_3"}
_BRANCHES = ("1x1", "3x3", "double_3x3", "pool_proj")
# The modules that stride have no 1x1.
_STRIDED = ("3c", "4e")


def cadene(layer):
    """'inception_3a_double_3x3_1_bn' -> 'inception3a_branch3_2_bn'."""
    name, kind = (layer[:-3], "bn") if layer.endswith("_bn") else (layer, "conv")
    if name in _STEM:
        return f"{_STEM[name]}_{kind}"
    pattern = r"inception_(\d\w)_(1x1|3x3|double_3x3|pool_proj)(_reduce|_1|_2)?"
    found = re.fullmatch(pattern, name)
    if not found:
        return "logits" if layer in ("last_linear", "fc") else None
    module, branch, part = found.groups()
    number = _BRANCHES.index(branch) + (0 if module in _STRIDED else 1)
    if branch in ("3x3", "pool_proj"):
        step = 1 if part == "_reduce" else 2
    else:
        step = {"_1": 2, "_2": 3}.get(part, 1)
    return f"inception{module}_branch{number}_{step}_{kind}"


def cadene_arrays(arrays):
    """Biases before a batch norm move into the mean that it subtracts."""
    converted = from_torch(cadene)(arrays)
    for name in [name for name in converted if name.endswith("_conv/bias")]:
        mean = name.replace("_conv/bias", "_bn/moving_mean")
        converted[mean] = converted[mean] - converted.pop(name)
    return converted


LAYOUTS = (
    Layout(
        "Cadene BN-Inception",
        ("inception_v2",),
        has("inception_3a_double_3x3_1.weight", "conv1_7x7_s2_bn.running_mean"),
        cadene_arrays,
    ),
)

PUBLISHED = (
    Published(
        "imagenet",
        "inception_v2",
        "http://data.lip6.fr/cadene/pretrainedmodels/bn_inception-52deb4733.pth",
        "sha256:52deb4733",
        "none stated",
        "73.524 / 91.562",
    ),
)
