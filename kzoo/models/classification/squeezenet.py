"""SqueezeNet, Iandola et al., 2016, https://arxiv.org/abs/1602.07360, table 1.

`squeezenet1_0` is the paper's network and `squeezenet1_1` the authors' cheaper one, as
their Caffe files have them (https://github.com/forresti/SqueezeNet): pixels are BGR
minus the mean, and that of 1.0 has a border of one around the last 1x1 convolution,
where that gives its bias. The `_torchvision` ones have PyTorch's pixels and no border.
"""

import dataclasses

import keras
from keras import layers
from keras.initializers import RandomNormal, VarianceScaling

from kzoo.models.base import Model
from kzoo.models.blocks import ceil_max_pool
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer",
    "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model "
    "size",
    "arXiv 2016",
    "1602.07360",
)
CAFFE_SIZE = (227, 227, 3)

# Table 1: channels that fire2 .. fire9 squeeze to; each expands to 8 times as many.
SQUEEZED = (16, 16, 32, 32, 48, 48, 64, 64)


@dataclasses.dataclass(frozen=True)
class Version:
    """The first convolution, the poolings, and what a publisher has of its own."""

    filters: int
    size: int
    pools: tuple  # the numbers in table 1 of the layers before them
    pixels: str  # mode of Preprocess
    border: int  # padding of the last, 1x1, convolution
    gain: float  # of the first kernels' variance: He's is 2, Caffe's "xavier" 1


V1_0 = Version(96, 7, (1, 4, 8), "bvlc", border=1, gain=1.0)
V1_1 = Version(64, 3, (1, 3, 5), "bvlc", border=0, gain=1.0)
V1_0_TORCHVISION = Version(96, 7, (1, 4, 8), "torch", border=0, gain=2.0)
V1_1_TORCHVISION = Version(64, 3, (1, 3, 5), "torch", border=0, gain=2.0)


def conv(x, filters, size, gain, name, strides=1, padding="same"):
    x = layers.Conv2D(
        filters,
        size,
        strides,
        padding=padding,
        kernel_initializer=VarianceScaling(gain, "fan_in", "uniform"),
        name=f"{name}_conv",
    )(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def fire(x, squeezed, gain, name):
    """Few channels, then 1x1 and 3x3 convolutions of them side by side (figure 1)."""
    x = conv(x, squeezed, 1, gain, f"{name}_squeeze")
    expanded = [
        conv(x, 4 * squeezed, size, gain, f"{name}_expand{size}x{size}")
        for size in (1, 3)
    ]
    return layers.Concatenate(name=f"{name}_concat")(expanded)


def network(version, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), which are not below 0, or to
    {"C1".. "C4"}, whose sides are 113, 56, 28 and 14 of 227 pixels: nothing is padded.

    `width` multiplies the channels of every layer; the paper's is 1.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess(version.pixels, name="preprocess")(images)
    filters, gain = round(version.filters * width), version.gain
    x = conv(x, filters, version.size, gain, "stem", strides=2, padding="valid")
    features, level = {"C1": x}, 1
    for number, squeezed in enumerate(SQUEEZED, start=2):
        if number - 1 in version.pools:
            x = ceil_max_pool(x, 3, 2, name=f"pool{number - 1}")
            level += 1
        x = fire(x, round(squeezed * width), gain, f"fire{number}")
        features[f"C{level}"] = x
    if classes is None:
        return Model(images, features, name=name)
    model = Model(images, head(x, classes, version.border), name=name)
    model.task = Classification(classes)
    return model


def head(x, classes, border):
    """A map for each class, and their means (section 3.3)."""
    x = Dropout(0.5, name="head_dropout")(x)
    if border:
        x = layers.ZeroPadding2D(border, name="head_pad")(x)
    x = layers.Conv2D(
        classes,
        1,
        activation="relu",
        kernel_initializer=RandomNormal(0, 0.01),
        dtype="float32",
        name="logits_conv",
    )(x)
    return layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)


@register(
    "classification",
    PAPER,
    1_248_424,
    0.861e9,
    "57.5 / 80.3",
    "paper, table 2; multiply-adds of the authors' prototxt",
)
def squeezenet1_0(classes=1000, input_shape=CAFFE_SIZE, width=1.0):
    return network(V1_0, "squeezenet1_0", classes, input_shape, width)


@register(
    "classification",
    PAPER,
    1_235_496,
    0.388e9,
    "top-5 80.3 at least",
    "forresti/SqueezeNet, SqueezeNet_v1.1/README.md; multiply-adds of its prototxt",
)
def squeezenet1_1(classes=1000, input_shape=CAFFE_SIZE, width=1.0):
    return network(V1_1, "squeezenet1_1", classes, input_shape, width)


@register(
    "classification",
    PAPER,
    1_248_424,
    0.819e9,
    "58.092 / 80.420",
    "torchvision 0.28, IMAGENET1K_V1",
)
def squeezenet1_0_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "squeezenet1_0_torchvision"
    return network(V1_0_TORCHVISION, name, classes, input_shape, width)


@register(
    "classification",
    PAPER,
    1_235_496,
    0.349e9,
    "58.178 / 80.624",
    "torchvision 0.28, IMAGENET1K_V1",
)
def squeezenet1_1_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "squeezenet1_1_torchvision"
    return network(V1_1_TORCHVISION, name, classes, input_shape, width)
