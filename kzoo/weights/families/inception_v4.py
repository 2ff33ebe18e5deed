"""Inception v4: Cadene's names, which timm keeps."""

import re

from kzoo.models.classification.inception_v4 import BLOCKS, modules
from kzoo.weights.families.inception_resnet import without_background
from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published

# Where a branch is one convolution, it has no number of its own.
_ALONE = {"mixed3a": "branch2_1", "mixed5a": "branch1_1"}


def cadene(layer):
    """'features.21.branch2_3b.conv' -> 'mixed7d_branch3_4_branch2_1_conv'."""
    pattern = r"features\.(\d+)(?:\.(\w+))?(?:\.(\d))?\.(conv|bn)"
    found = re.fullmatch(pattern, layer)
    if not found:
        return "logits" if layer == "last_linear" else None
    number, branch, step, kind = found.groups()
    if int(number) < 3:
        return f"stem_{int(number) + 1}_{kind}"
    module = list(modules(BLOCKS))[int(number) - 3]
    if branch == "conv":
        return f"{module}_{_ALONE[module]}_{kind}"
    branch, place, side = re.fullmatch(r"branch(\d)(?:_(\d)([ab])?)?", branch).groups()
    split = {"a": "_branch1_1", "b": "_branch2_1", None: ""}[side]
    step = int(step or place or 0) + 1
    return f"{module}_branch{int(branch) + 1}_{step}{split}_{kind}"


LAYOUTS = (
    Layout(
        "timm Inception v4",
        ("inception_v4",),
        has("features.3.conv.conv.weight", "features.21.branch2_3b.bn.running_mean"),
        lambda arrays: without_background(from_torch(cadene)(arrays)),
    ),
)

PUBLISHED = (
    Published(
        "imagenet",
        "inception_v4",
        "hf://timm/inception_v4.tf_in1k/model.safetensors",
        "",
        "Apache-2.0",
        "80.144 / 94.982",
    ),
    Published(
        "cadene",
        "inception_v4",
        "http://data.lip6.fr/cadene/pretrainedmodels/inceptionv4-8e4777a0.pth",
        "sha256:8e4777a0",
        "none stated",
        "80.062 / 94.926",
    ),
)
