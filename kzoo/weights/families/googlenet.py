"""GoogLeNet: Caffe's names and torchvision's."""

import re

from kzoo.weights.layout import (
    Layout,
    channels_last_rows,
    from_caffe,
    from_torch,
    has,
)
from kzoo.weights.published import Published, sha256_of

_CAFFE = {
    "conv1/7x7_s2": "stem_1_conv",
    "conv2/3x3_reduce": "stem_2_conv",
    "conv2/3x3": "stem_3_conv",
    "loss3/classifier": "logits",
}
# A module's convolutions by what they do, in our order.
_CAFFE_BRANCHES = {
    "1x1": "branch1_1",
    "3x3_reduce": "branch2_1",
    "3x3": "branch2_2",
    "5x5_reduce": "branch3_1",
    "5x5": "branch3_2",
    "pool_proj": "branch4_2",
}
_AUXILIARY = {"conv": "conv", "fc": "fc", "classifier": "logits"}
_TORCHVISION_AUXILIARY = {
    "conv.conv": "conv",
    "conv.bn": "bn",
    "fc1": "fc",
    "fc2": "logits",
}


def caffe(layer):
    """'inception_3a/3x3_reduce' -> 'inception3a_branch2_1_conv'."""
    found = re.fullmatch(r"inception_(\d\w)/(\w+)", layer)
    if found and found[2] in _CAFFE_BRANCHES:
        return f"inception{found[1]}_{_CAFFE_BRANCHES[found[2]]}_conv"
    found = re.fullmatch(r"loss([12])/(conv|fc|classifier)", layer)
    if found:
        return f"head_auxiliary{found[1]}_{_AUXILIARY[found[2]]}"
    return _CAFFE.get(layer)


def torchvision(layer):
    """'inception3a.branch2.0.conv' -> 'inception3a_branch2_1_conv'."""
    found = re.fullmatch(r"conv(\d)\.(conv|bn)", layer)
    if found:
        return f"stem_{found[1]}_{found[2]}"
    pattern = r"(inception\d\w)\.(branch\d)(?:\.(\d))?\.(conv|bn)"
    found = re.fullmatch(pattern, layer)
    if found:
        module, branch, step, kind = found.groups()
        return f"{module}_{branch}_{int(step or 0) + 1}_{kind}"
    found = re.fullmatch(r"aux([12])\.(.+)", layer)
    if found and found[2] in _TORCHVISION_AUXILIARY:
        return f"head_auxiliary{found[1]}_{_TORCHVISION_AUXILIARY[found[2]]}"
    return "logits" if layer == "fc" else None


def with_rows(convert):
    """`convert`, and then the rows of the auxiliary heads' first dense layers, which
    see 4x4 positions, in our order."""

    def converted(arrays):
        ours = convert(arrays)
        for name in ("head_auxiliary1_fc/kernel", "head_auxiliary2_fc/kernel"):
            if name in ours:
                ours[name] = channels_last_rows(ours[name], 4, 4)
        return ours

    return converted


LAYOUTS = (
    Layout(
        "Caffe GoogLeNet",
        ("googlenet",),
        has("inception_3a/5x5_reduce/0", "loss3/classifier/1"),
        with_rows(from_caffe(caffe)),
    ),
    Layout(
        "torchvision GoogLeNet",
        ("googlenet_torchvision",),
        has("inception3a.branch2.0.conv.weight", "inception5b.branch1.bn.running_var"),
        with_rows(from_torch(torchvision)),
    ),
)

_TORCHVISION = "googlenet-1378be20.pth"
PUBLISHED = (
    Published(
        "imagenet",
        "googlenet",
        "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
        "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        "unrestricted",
        "68.7 / 88.9",
    ),
    Published(
        "imagenet",
        "googlenet_torchvision",
        f"https://download.pytorch.org/models/{_TORCHVISION}",
        sha256_of(_TORCHVISION),
        "BSD-3",
        "69.778 / 89.530",
    ),
)
