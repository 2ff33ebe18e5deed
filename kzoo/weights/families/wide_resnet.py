"""WRN for CIFAR: the names of the authors' own code, pytorch/resnet.py."""

import re

from kzoo.weights.layout import Layout, from_torch, has


def szagoruyko(layer):
    """'group0.block1.bn0' -> 'stage1_block2_1_bn'."""
    ends = {
        "conv0": "stem_conv",
        # What comes before the first block's convolution is ours behind the stem.
        "group0.block0.bn0": "stem_bn",
        "bn": "post_bn",
        "fc": "logits",
    }
    if layer in ends:
        return ends[layer]
    pattern = r"group(\d)\.block(\d+)\.(?:(conv|bn)(\d)|convdim)"
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    stage, block, kind, number = found.groups()
    part = f"{int(number) + 1}_{kind}" if kind else "shortcut_conv"
    return f"stage{int(stage) + 1}_block{int(block) + 1}_{part}"


def arrays_of(arrays):
    """A convolution is there called as its layer: 'conv0', not 'conv0.weight'."""
    named = {
        (
            name
            if name.endswith(("weight", "bias", "mean", "var"))
            else f"{name}.weight"
        ): x
        for name, x in arrays.items()
    }
    return from_torch(szagoruyko)(named)


LAYOUTS = (
    Layout(
        "szagoruyko WRN",
        ("wide_resnet28_10",),
        has("group0.block0.conv0", "group2.block0.convdim"),
        arrays_of,
    ),
)
# The authors published no weights of theirs for CIFAR.
PUBLISHED = ()
