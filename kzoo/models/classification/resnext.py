"""ResNeXt, Xie et al., CVPR 2017, https://arxiv.org/abs/1611.05431, table 1.

A ResNet whose 3x3 convolution has groups: "32x4d" are 32 groups of 4 channels in the
first stage, twice as many in each that follows (figure 3c). It strides in the grouped
convolution, as the authors' Torch code and torchvision do.
"""

import functools

from keras import layers

from kzoo.models.blocks import conv_bn, he_normal
from kzoo.models.classification.resnet import Kind, add_shortcut, resnet
from kzoo.models.layers.grouped_conv import GroupedConv2D
from kzoo.models.registry import Paper, register

PAPER = Paper(
    "Xie, Girshick, Dollar, Tu, He",
    "Aggregated Residual Transformations for Deep Neural Networks",
    "CVPR 2017",
    "1611.05431",
)
TORCHVISION_V1 = "torchvision 0.28, IMAGENET1K_V1"
AUTHORS = (
    "facebookresearch/ResNeXt, one crop of 224; multiply-adds of its class in timm"
)


def grouped_conv_bn(x, filters, groups, strides, name):
    """3x3 convolution of groups without bias, batch norm, ReLU; padded evenly."""
    if strides > 1:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    x = GroupedConv2D(
        filters,
        3,
        strides,
        padding="same" if strides == 1 else "valid",
        groups=groups,
        use_bias=False,
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def grouped_channels(filters, groups, width):
    """Channels of a stage whose 3x3 has `filters` in a ResNet and `width` a group,
    counted in the first stage, in ResNeXt; at least one a group."""
    return groups * max(1, filters * width // 64)


def grouped_block(x, filters, strides, name, groups, width):
    """1x1, strided and grouped 3x3, 1x1 convolutions; `4 * filters` channels out."""
    inner = grouped_channels(filters, groups, width)
    y = conv_bn(x, inner, 1, name=f"{name}_1")
    y = grouped_conv_bn(y, inner, groups, strides, f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(x, y, strides, name)


KIND_32X4D = Kind(functools.partial(grouped_block, groups=32, width=4), "torch")
KIND_64X4D = Kind(functools.partial(grouped_block, groups=64, width=4), "torch")


@register(
    "classification", PAPER, 25_028_904, 4.230e9, "77.618 / 93.698", TORCHVISION_V1
)
def resnext50_32x4d(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "resnext50_32x4d"
    return resnet(KIND_32X4D, (3, 4, 6, 3), name, classes, input_shape, width)


@register("classification", PAPER, 44_177_704, 7.970e9, "78.8 / 94.4", AUTHORS)
def resnext101_32x4d(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "resnext101_32x4d"
    return resnet(KIND_32X4D, (3, 4, 23, 3), name, classes, input_shape, width)


@register("classification", PAPER, 83_455_272, 15.460e9, "79.6 / 94.7", AUTHORS)
def resnext101_64x4d(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "resnext101_64x4d"
    return resnet(KIND_64X4D, (3, 4, 23, 3), name, classes, input_shape, width)
