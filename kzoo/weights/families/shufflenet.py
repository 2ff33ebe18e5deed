"""ShuffleNet: torchvision's names of v2, the authors' of v1."""

import re

from kzoo.weights.layout import PAIR, Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of

# Where convolutions and batch norms are in the branches, ReLUs counted too.
_BRANCHES = {
    "1": {
        "0": "shortcut_depthwise_conv",
        "1": "shortcut_depthwise_bn",
        "2": "shortcut_conv",
        "3": "shortcut_bn",
    },
    "2": {
        "0": "1_conv",
        "1": "1_bn",
        "3": "2_depthwise_conv",
        "4": "2_depthwise_bn",
        "5": "3_conv",
        "6": "3_bn",
    },
}
# The authors' first branch of v1 has the same order, its second the last pair.
_MAIN = {"1": _BRANCHES["2"], "2": {"0": "3_conv", "1": "3_bn"}}
_DEPTHS = (4, 8, 4)


def torchvision(layer):
    """'stage2.0.branch2.3' -> 'stage2_block1_2_depthwise_conv'."""
    found = re.fullmatch(r"conv([15])\.([01])", layer)
    if found:
        return f"{'stem' if found[1] == '1' else 'head'}_{PAIR[found[2]]}"
    found = re.fullmatch(r"stage(\d)\.(\d)\.branch([12])\.(\d)", layer)
    if not found:
        return "logits" if layer == "fc" else None
    stage, block, side, step = found.groups()
    part = _BRANCHES[side].get(step)
    return part and f"stage{stage}_block{int(block) + 1}_{part}"


def megvii(layer):
    """'module.features.4.branch_main_1.0' -> 'stage3_block1_1_conv'."""
    layer = layer.removeprefix("module.")
    found = re.fullmatch(r"first_conv\.([01])", layer)
    if found:
        return f"stem_{PAIR[found[1]]}"
    found = re.fullmatch(r"features\.(\d+)\.branch_main_([12])\.(\d)", layer)
    if not found:
        return "logits" if layer == "classifier.0" else None
    block, half, step = found.groups()
    part = _MAIN[half].get(step)
    stage, block = _stage(int(block))
    return part and f"stage{stage}_block{block + 1}_{part}"


def _stage(block):
    """(stage, block in it) of a block, counted from 0 over all stages."""
    for stage, depth in enumerate(_DEPTHS, start=2):
        if block < depth:
            return stage, block
        block -= depth
    raise ValueError(f"ShuffleNet has {sum(_DEPTHS)} blocks, and no {block} more")


def _is_megvii(names):
    names = {name.removeprefix("module.") for name in names}
    return {"first_conv.0.weight", "features.15.branch_main_2.0.weight"} <= names


LAYOUTS = (
    Layout(
        "torchvision ShuffleNet v2",
        ("shufflenet_v2",),
        has("stage2.0.branch1.0.weight", "conv5.0.weight"),
        from_torch(torchvision),
    ),
    Layout("Megvii ShuffleNet v1", ("shufflenet_v1",), _is_megvii, from_torch(megvii)),
)

_PYTORCH = "https://download.pytorch.org/models/"
_PYTORCH_PUBLISHED = (
    (0.5, "shufflenetv2_x0.5-f707e7126e.pth", "60.552 / 81.746"),
    (1.0, "shufflenetv2_x1-5666bf0f80.pth", "69.362 / 88.316"),
    (1.5, "shufflenetv2_x1_5-3c479a10.pth", "72.996 / 91.086"),
    (2.0, "shufflenetv2_x2_0-8be3c8ee.pth", "76.230 / 93.006"),
)
# The authors' files of v1 are in a shared folder that has no addresses of its files.
PUBLISHED = tuple(
    Published(
        "imagenet",
        "shufflenet_v2",
        _PYTORCH + file,
        sha256_of(file),
        "BSD-3",
        score,
        {} if width == 1 else {"width": width},
    )
    for width, file, score in _PYTORCH_PUBLISHED
)
