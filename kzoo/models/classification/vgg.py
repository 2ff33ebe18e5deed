"""VGG, Simonyan and Zisserman, ICLR 2015, https://arxiv.org/abs/1409.1556, table 1.

Configurations A, B, D and E are vgg11, 13, 16 and 19; those with batch norms (_bn) are
torchvision's and not the paper's. vgg16 and vgg19 take pixels as the authors' weights
want them, BGR minus the mean, which are also Keras'. Of the others only torchvision has
published weights, and so they take its pixels, and pool what comes out of the last
convolutions to 7x7 whatever the picture's size; vgg16_torchvision and vgg19_torchvision
are the same two networks in that form.

Initial values are He's: the paper's need a trained vgg11 to begin from.
"""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from kzoo.models.blocks import dense_classifier, he_normal
from kzoo.models.layers.adaptive_pooling import AdaptiveAveragePooling2D
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Simonyan, Zisserman",
    "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    "ICLR 2015",
    "1409.1556",
)
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"
AUTHORS = "keras.io; multiply-adds: torchvision 0.28; score of the paper's table 3: "
# Convolutions of the five stages.
A, B, D, E = (1, 1, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)


def conv(x, filters, name, activation="relu"):
    """3x3 convolution with biases, ReLU."""
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation=activation,
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)


def normalized_conv(x, filters, name):
    """3x3 convolution with biases, batch norm, ReLU."""
    x = conv(x, filters, name, activation=None)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A layer, how weights want pixels, and whether the end takes any size."""

    layer: Callable
    pixels: str  # mode of Preprocess
    adaptive: bool


AUTHORS_KIND = Kind(conv, "caffe", adaptive=False)
TORCHVISION_KIND = Kind(conv, "torch", adaptive=True)
NORMALIZED_KIND = Kind(normalized_conv, "torch", adaptive=True)


def vgg(kind, depths, name, classes, input_shape, width):
    """Builds a VGG from the number of convolutions in each stage.

    Maps images (B, H, W, 3) to logits (B, classes) or, where `classes` is None, to the
    features {"C1": ..., "C5": ...}: the last layer before each pooling and, as "C5",
    the last pooling. `width` multiplies the channels of every layer.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess(kind.pixels, name="preprocess")(images)
    features = {}
    for stage, depth in enumerate(depths, start=1):
        filters = round(min(512, 32 * 2**stage) * width)
        for i in range(1, depth + 1):
            x = kind.layer(x, filters, f"stage{stage}_{i}")
        if stage > 1:
            features[f"C{stage - 1}"] = x
        x = layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
    features["C5"] = x
    if kind.adaptive and classes is not None and x.shape[1:3] != (7, 7):
        x = AdaptiveAveragePooling2D(7, name="head_pool")(x)
    units = round(4096 * width)
    return dense_classifier(images, features, x, classes, name, units)


@register("classification", PAPER, 132_863_336, 7.609e9, "69.020 / 88.628", TORCHVISION)
def vgg11(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(TORCHVISION_KIND, A, "vgg11", classes, input_shape, width)


@register(
    "classification", PAPER, 133_047_848, 11.308e9, "69.928 / 89.246", TORCHVISION
)
def vgg13(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(TORCHVISION_KIND, B, "vgg13", classes, input_shape, width)


@register(
    "classification",
    PAPER,
    138_357_544,
    15.470e9,
    "71.3 / 90.1",
    AUTHORS + "73.0 / 91.2",
)
def vgg16(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(AUTHORS_KIND, D, "vgg16", classes, input_shape, width)


@register(
    "classification",
    PAPER,
    143_667_240,
    19.632e9,
    "71.3 / 90.0",
    AUTHORS + "72.7 / 91.0",
)
def vgg19(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(AUTHORS_KIND, E, "vgg19", classes, input_shape, width)


@register(
    "classification", PAPER, 138_357_544, 15.470e9, "71.592 / 90.382", TORCHVISION
)
def vgg16_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(TORCHVISION_KIND, D, "vgg16_torchvision", classes, input_shape, width)


@register(
    "classification", PAPER, 143_667_240, 19.632e9, "72.376 / 90.876", TORCHVISION
)
def vgg19_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(TORCHVISION_KIND, E, "vgg19_torchvision", classes, input_shape, width)


@register("classification", PAPER, 132_868_840, 7.609e9, "70.370 / 89.810", TORCHVISION)
def vgg11_bn(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(NORMALIZED_KIND, A, "vgg11_bn", classes, input_shape, width)


@register(
    "classification", PAPER, 133_053_736, 11.308e9, "71.586 / 90.374", TORCHVISION
)
def vgg13_bn(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(NORMALIZED_KIND, B, "vgg13_bn", classes, input_shape, width)


@register(
    "classification", PAPER, 138_365_992, 15.470e9, "73.360 / 91.516", TORCHVISION
)
def vgg16_bn(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(NORMALIZED_KIND, D, "vgg16_bn", classes, input_shape, width)


@register(
    "classification", PAPER, 143_678_248, 19.632e9, "74.218 / 91.842", TORCHVISION
)
def vgg19_bn(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return vgg(NORMALIZED_KIND, E, "vgg19_bn", classes, input_shape, width)
