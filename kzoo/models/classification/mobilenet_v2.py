"""MobileNetV2, Sandler et al., CVPR 2018, https://arxiv.org/abs/1801.04381, table 2.

`mobilenet_v2` is the authors' network as TF-slim and Keras have it: pictures in
-1..1, "same" padding (uneven at stride 2), batch norm epsilon 1e-3.
`mobilenet_v2_torchvision` is the one that PyTorch's weights were trained on: its
own pixel scale, even padding, epsilon 1e-5. The sizes are equal.
"""

import dataclasses

import keras
from keras import layers

from kzoo.models.blocks import classifier, conv_without_bias, depthwise_without_bias
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Sandler, Howard, Zhu, Zhmoginov, Chen",
    "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    "CVPR 2018",
    "1801.04381",
)

# Table 2: expansion, output channels, blocks, strides of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# The feature level that a stage, counted from 1, completes.
LEVELS = {1: "C1", 2: "C2", 3: "C3", 5: "C4", 7: "C5"}


@dataclasses.dataclass(frozen=True)
class Style:
    """What an implementation has of its own around the paper's layers."""

    pixels: str  # mode of Preprocess
    even_padding: bool
    epsilon: float
    momentum: float


SLIM = Style("tf", even_padding=False, epsilon=1e-3, momentum=0.999)
TORCHVISION = Style("torch", even_padding=True, epsilon=1e-5, momentum=0.9)


def channels(filters, width):
    """`filters * width` as a multiple of 8, at most a tenth below it."""
    wide = filters * width
    rounded = max(8, int(wide + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wide else rounded + 8


def normalize(x, style, activation, name):
    x = layers.BatchNormalization(
        momentum=style.momentum, epsilon=style.epsilon, name=f"{name}_bn"
    )(x)
    if activation:
        x = layers.Activation(activation, name=f"{name}_act")(x)
    return x


def pad(x, size, strides, style, name):
    """(x, the Conv2D padding that is left to do)."""
    if style.even_padding and strides > 1:
        return layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x), "valid"
    return x, "same"


def conv(x, filters, size, strides, style, name, activation="relu6"):
    x, padding = pad(x, size, strides, style, name)
    x = conv_without_bias(x, filters, size, strides, padding, f"{name}_conv")
    return normalize(x, style, activation, name)


def depthwise(x, size, strides, style, name, activation="relu6"):
    x, padding = pad(x, size, strides, style, name)
    x = depthwise_without_bias(x, size, strides, padding, f"{name}_conv")
    return normalize(x, style, activation, name)


def inverted_residual(x, expansion, filters, strides, style, name):
    """Expand, filter each channel, project without activation (figure 3)."""
    y = x
    if expansion > 1:
        y = conv(y, expansion * x.shape[-1], 1, 1, style, f"{name}_expand")
    y = depthwise(y, 3, strides, style, f"{name}_depthwise")
    y = conv(y, filters, 1, 1, style, f"{name}_project", activation=None)
    if y.shape == x.shape and strides == 1:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def network(style, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` multiplies the channels of all layers; the last convolution grows
    with it and does not shrink (section 5).
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess(style.pixels, name="preprocess")(images)
    x = conv(x, channels(32, width), 3, 2, style, "stem")
    features, block = {}, 0
    for stage, (expansion, filters, depth, first) in enumerate(STAGES, start=1):
        for i in range(depth):
            block += 1
            strides = first if i == 0 else 1
            wide = channels(filters, width)
            x = inverted_residual(x, expansion, wide, strides, style, f"block{block}")
        if stage in LEVELS:
            features[LEVELS[stage]] = x
    x = conv(x, channels(1280, max(1.0, width)), 1, 1, style, "head")
    return classifier(images, features, x, classes, name, dropout=0.2)


@register(
    "classification",
    PAPER,
    3_504_872,
    0.3008e9,
    "71.8 / 91.0",
    "tensorflow/models, research/slim/nets/mobilenet; paper: 72.0",
)
def mobilenet_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(SLIM, "mobilenet_v2", classes, input_shape, width)


@register(
    "classification",
    PAPER,
    3_504_872,
    0.3008e9,
    "71.878 / 90.286",
    "torchvision 0.28, IMAGENET1K_V1",
)
def mobilenet_v2_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(TORCHVISION, "mobilenet_v2_torchvision", classes, input_shape, width)
