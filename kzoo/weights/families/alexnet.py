"""AlexNet: Caffe's names and torchvision's."""

import re

from kzoo.weights.layout import (
    Layout,
    channels_last_rows,
    from_caffe,
    from_torch,
)
from kzoo.weights.published import Published, sha256_of

_TORCHVISION = {
    "features.0": "stage1_conv",
    "features.3": "stage2_conv",
    "features.6": "stage3_conv",
    "features.8": "stage4_conv",
    "features.10": "stage5_conv",
    "classifier.1": "head_fc6",
    "classifier.4": "head_fc7",
    "classifier.6": "logits",
}


def caffe(layer):
    """'conv2' -> 'stage2_conv'."""
    ends = {"fc6": "head_fc6", "fc7": "head_fc7", "fc8": "logits"}
    found = re.fullmatch(r"conv([1-5])", layer)
    return f"stage{found[1]}_conv" if found else ends.get(layer)


def with_rows(convert):
    """`convert`, and then the rows of fc6, which sees 6x6 positions, in our order."""

    def converted(arrays):
        ours, name = convert(arrays), "head_fc6/kernel"
        if name in ours:
            ours[name] = channels_last_rows(ours[name], 6, 6)
        return ours

    return converted


def is_caffe(names):
    """conv1 to conv5, and no other convolution: fc6 is the same in VGG's."""
    convolutions = {name for name in names if name.startswith("conv")}
    return convolutions == {f"conv{i}/{j}" for i in range(1, 6) for j in range(2)}


LAYOUTS = (
    Layout(
        "Caffe AlexNet",
        ("alexnet_bvlc", "caffenet"),
        is_caffe,
        with_rows(from_caffe(caffe)),
    ),
    Layout(
        "torchvision AlexNet",
        ("alexnet_torchvision",),
        lambda names: {f"{x}.weight" for x in _TORCHVISION} <= set(names)
        and "features.5.weight" not in names,
        with_rows(from_torch(_TORCHVISION.get)),
    ),
)

_BVLC = "http://dl.caffe.berkeleyvision.org/"
_PYTORCH = "https://download.pytorch.org/models/"
_FILE = "alexnet-owt-7be5be79.pth"
PUBLISHED = (
    Published(
        "imagenet",
        "alexnet_bvlc",
        f"{_BVLC}bvlc_alexnet.caffemodel",
        "sha1:9116a64c0fbe4459d18f4bb6b56d647b63920377",
        "unrestricted",
        "57.1 / 80.2",
    ),
    Published(
        "imagenet",
        "caffenet",
        f"{_BVLC}bvlc_reference_caffenet.caffemodel",
        "sha1:4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46",
        "unrestricted",
        "57.4 / 80.4",
    ),
    Published(
        "imagenet",
        "alexnet_torchvision",
        _PYTORCH + _FILE,
        sha256_of(_FILE),
        "BSD-3",
        "56.522 / 79.066",
    ),
)
