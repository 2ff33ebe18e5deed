"""Wide ResNets, Zagoruyko and Komodakis, BMVC 2016, https://arxiv.org/abs/1605.07146.

wide_resnet28_10 for CIFAR: blocks of ResNet v2 (pre-activation) with ten times the
channels and, where wanted, dropout between the two convolutions. Pixels are scaled by
ImageNet's mean and deviation, where the authors take CIFAR's.

wide_resnet50_2 for ImageNet: ResNet-50 as torchvision has it, whose 3x3 convolutions,
and nothing else, have twice the channels.
"""

import functools

from kzoo.models.blocks import conv_bn
from kzoo.models.classification.resnet import Kind, add_shortcut, resnet
from kzoo.models.classification.resnet_v2 import (
    cifar,
    conv,
    preactivate,
    scaled,
    shortcut,
)
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Paper, register

PAPER = Paper(
    "Zagoruyko, Komodakis", "Wide Residual Networks", "BMVC 2016", "1605.07146"
)
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"
AUTHORS = "szagoruyko/wide-residual-networks, CIFAR-10; multiply-adds: osmr/imgclsmob"


def wide_block(x, y, filters, strides, name, dropout):
    """Two 3x3 convolutions on `y`, the activated x: (shortcut, residual)."""
    x = shortcut(x, y, filters, strides, name)
    y = conv(y, filters, 3, strides, f"{name}_1")
    y = preactivate(y, f"{name}_2")
    if dropout:
        y = Dropout(dropout, name=f"{name}_dropout")(y)
    return x, conv(y, filters, 3, name=f"{name}_2")


def wide_bottleneck_block(x, filters, strides, name):
    """1x1, strided 3x3 of twice the channels, 1x1; `4 * filters` channels out."""
    y = conv_bn(x, 2 * filters, 1, name=f"{name}_1")
    y = conv_bn(y, 2 * filters, 3, strides, name=f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(x, y, strides, name)


@register("classification", PAPER, 36_479_194, 5.247e9, "96.00", AUTHORS)
def wide_resnet28_10(classes=10, input_shape=(32, 32, 3), width=1.0, dropout=0.0):
    """The paper's `dropout` is 0.3."""
    block = functools.partial(wide_block, dropout=dropout)
    filters = scaled((16, 160, 320, 640), width)
    return cifar(block, 4, filters, "wide_resnet28_10", classes, input_shape)


@register("classification", PAPER, 68_883_240, 11.398e9, "78.468 / 94.086", TORCHVISION)
def wide_resnet50_2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    kind = Kind(wide_bottleneck_block, "torch")
    return resnet(kind, (3, 4, 6, 3), "wide_resnet50_2", classes, input_shape, width)
