"""CIFAR ResNets: the names of akamaster/pytorch_resnet_cifar10."""

import re

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of


def akamaster(layer):
    """'layer1.0.conv2' -> 'stage1_block1_2_conv'."""
    ends = {"conv1": "stem_conv", "bn1": "stem_bn", "linear": "logits"}
    found = re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn)(\d)", layer)
    if not found:
        return ends.get(layer)
    stage, block, kind, number = found.groups()
    return f"stage{stage}_block{int(block) + 1}_{number}_{kind}"


BUILDERS = tuple(f"resnet{depth}_cifar" for depth in (20, 32, 44, 56, 110))
LAYOUTS = (
    Layout(
        "akamaster CIFAR ResNet",
        BUILDERS,
        has("layer1.0.conv1.weight", "linear.weight"),
        from_torch(akamaster),
    ),
)

_SOURCE = (
    "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/"
)
_PUBLISHED = (
    ("resnet20_cifar", "resnet20-12fca82f.th", "91.73"),
    ("resnet32_cifar", "resnet32-d509ac18.th", "92.63"),
    ("resnet44_cifar", "resnet44-014dd654.th", "93.10"),
    ("resnet56_cifar", "resnet56-4bfd9763.th", "93.39"),
    ("resnet110_cifar", "resnet110-1d1ed7c2.th", "93.68"),
)
PUBLISHED = tuple(
    Published(
        "cifar10",
        builder,
        _SOURCE + file,
        sha256_of(file),
        "BSD-2-Clause",
        score,
        classes="cifar10",
    )
    for builder, file, score in _PUBLISHED
)
