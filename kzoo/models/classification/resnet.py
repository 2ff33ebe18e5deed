"""ResNet, He et al., CVPR 2016, https://arxiv.org/abs/1512.03385, table 1.

resnet50, 101 and 152 differ from the paper as torchvision's do, whose weights we
convert: a bottleneck strides in its 3x3 convolution ("v1.5"). resnet50_v1,
101_v1 and 152_v1 stride in the first 1x1 and take pixels as BGR minus the mean, as
the paper's and Keras' do. There is no such difference in resnet18 and 34.
"""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from kzoo.models.blocks import classifier, conv_bn, max_pool
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "He, Zhang, Ren, Sun",
    "Deep Residual Learning for Image Recognition",
    "CVPR 2016",
    "1512.03385",
)
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"
MSRA = "KaimingHe/deep-residual-networks: one crop; multiply-adds of its prototxts"


def basic_block(x, filters, strides, name):
    """Two 3x3 convolutions; `filters` channels out."""
    y = conv_bn(x, filters, 3, strides, name=f"{name}_1")
    y = conv_bn(y, filters, 3, activation=None, name=f"{name}_2")
    return add_shortcut(x, y, strides, name)


def bottleneck_block(x, filters, strides, name):
    """1x1, strided 3x3 and 1x1 convolutions; `4 * filters` channels out."""
    y = conv_bn(x, filters, 1, name=f"{name}_1")
    y = conv_bn(y, filters, 3, strides, name=f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(x, y, strides, name)


def paper_bottleneck_block(x, filters, strides, name):
    """Strided 1x1, 3x3 and 1x1 convolutions; `4 * filters` channels out."""
    y = conv_bn(x, filters, 1, strides, name=f"{name}_1")
    y = conv_bn(y, filters, 3, name=f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(x, y, strides, name)


def add_shortcut(x, y, strides, name):
    """relu(x + y), with x projected where the shapes differ (option B)."""
    channels = y.shape[-1]
    if strides > 1 or x.shape[-1] != channels:
        x = conv_bn(x, channels, 1, strides, None, name=f"{name}_shortcut")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(x)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A block, and how the weights that are published for it want pixels."""

    block: Callable
    pixels: str  # mode of Preprocess


BASIC = Kind(basic_block, "torch")
V1_5 = Kind(bottleneck_block, "torch")
V1 = Kind(paper_bottleneck_block, "caffe")


def resnet(kind, depths, name, classes, input_shape, width):
    """Builds a ResNet of one kind from the number of blocks in each stage.

    Maps images (B, H, W, 3) to logits (B, classes) or, where `classes` is None,
    to the features {"C1": ..., "C5": ...} that detectors use; "Ck" is
    (B, H / 2**k, W / 2**k, channels), the sides rounded up. `width` multiplies
    the channels of every layer; the paper's is 1.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess(kind.pixels, name="preprocess")(images)
    x = conv_bn(x, round(64 * width), 7, strides=2, name="stem")
    features = {"C1": x}
    x = max_pool(x, 3, strides=2, name="stem_pool")
    for stage, depth in enumerate(depths, start=2):
        filters = round(16 * 2**stage * width)
        for i in range(1, depth + 1):
            strides = 2 if stage > 2 and i == 1 else 1
            x = kind.block(x, filters, strides, name=f"stage{stage}_block{i}")
        features[f"C{stage}"] = x
    return classifier(images, features, x, classes, name)


@register("classification", PAPER, 11_689_512, 1.814e9, "69.758 / 89.078", TORCHVISION)
def resnet18(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(BASIC, (2, 2, 2, 2), "resnet18", classes, input_shape, width)


@register("classification", PAPER, 21_797_672, 3.664e9, "73.314 / 91.420", TORCHVISION)
def resnet34(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(BASIC, (3, 4, 6, 3), "resnet34", classes, input_shape, width)


@register("classification", PAPER, 25_557_032, 4.089e9, "76.130 / 92.862", TORCHVISION)
def resnet50(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(V1_5, (3, 4, 6, 3), "resnet50", classes, input_shape, width)


@register("classification", PAPER, 44_549_160, 7.801e9, "77.374 / 93.546", TORCHVISION)
def resnet101(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(V1_5, (3, 4, 23, 3), "resnet101", classes, input_shape, width)


@register("classification", PAPER, 60_192_808, 11.514e9, "78.312 / 94.046", TORCHVISION)
def resnet152(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(V1_5, (3, 8, 36, 3), "resnet152", classes, input_shape, width)


@register("classification", PAPER, 25_557_032, 3.858e9, "75.3 / 92.2", MSRA)
def resnet50_v1(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(V1, (3, 4, 6, 3), "resnet50_v1", classes, input_shape, width)


@register("classification", PAPER, 44_549_160, 7.570e9, "76.4 / 92.9", MSRA)
def resnet101_v1(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(V1, (3, 4, 23, 3), "resnet101_v1", classes, input_shape, width)


@register("classification", PAPER, 60_192_808, 11.282e9, "77.0 / 93.3", MSRA)
def resnet152_v1(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return resnet(V1, (3, 8, 36, 3), "resnet152_v1", classes, input_shape, width)
