"""EfficientNet, Tan and Le, ICML 2019, https://arxiv.org/abs/1905.11946, table 1.

`efficientnet_b0` to `b7` are the authors' networks as tensorflow/tpu, Keras and timm's
tf_efficientnet_* have them: "same" padding (uneven at stride 2), batch norm epsilon
1e-3. `efficientnet_b0_torchvision` to `b7_torchvision` take PyTorch's weights: even
padding, and epsilon 1e-5 up to b4, which were trained again (b5 to b7 are converted
ones). Sizes and multiply-adds are equal. Table 1 does not say, their code does: 8
divides all channels, squeezing is to a quarter of a block's own input, not of the
expanded one, and a block is left out in training with a rate that grows to 0.2.
"""

import dataclasses
import math

import keras
from keras import layers

from kzoo.models.blocks import (
    classifier,
    conv_without_bias,
    depthwise_without_bias,
    drop_path,
    squeeze_excite,
)
from kzoo.models.classification.mobilenet_v2 import channels, pad
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Tan, Le",
    "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    "ICML 2019",
    "1905.11946",
)
TPU = "tensorflow/tpu, efficientnet: top-1 with AutoAugment; Keras 3.15.1 for the size"
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"

# Table 1, stages 2 to 8: expansion, kernel, first block's strides, channels, blocks.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
# The feature level that a stage of `STAGES`, counted from 1, completes.
LEVELS = {1: "C1", 2: "C2", 3: "C3", 5: "C4", 7: "C5"}
# Of the last block; the first has 0.
DROP_CONNECT = 0.2
# Factors of channels and blocks (section 3.3 and the authors' code), and dropout.
SCALES = {
    "b0": (1.0, 1.0, 0.2),
    "b1": (1.0, 1.1, 0.2),
    "b2": (1.1, 1.2, 0.3),
    "b3": (1.2, 1.4, 0.3),
    "b4": (1.4, 1.8, 0.4),
    "b5": (1.6, 2.2, 0.4),
    "b6": (1.8, 2.6, 0.5),
    "b7": (2.0, 3.1, 0.5),
}


@dataclasses.dataclass(frozen=True)
class Style:
    """What an implementation has of its own around the paper's layers."""

    suffix: str
    even_padding: bool
    epsilon: float
    momentum: float


AUTHORS = Style("", False, epsilon=1e-3, momentum=0.99)
RETRAINED = Style("_torchvision", True, epsilon=1e-5, momentum=0.9)
CONVERTED = Style("_torchvision", True, epsilon=1e-3, momentum=0.99)


def normalize(x, style, activation, name):
    x = layers.BatchNormalization(
        momentum=style.momentum, epsilon=style.epsilon, name=f"{name}_bn"
    )(x)
    return layers.Activation("swish", name=f"{name}_act")(x) if activation else x


def conv(x, filters, size, strides, style, name, activation=True):
    x, padding = pad(x, size, strides, style, name)
    x = conv_without_bias(x, filters, size, strides, padding, f"{name}_conv")
    return normalize(x, style, activation, name)


def depthwise(x, size, strides, style, name):
    x, padding = pad(x, size, strides, style, name)
    x = depthwise_without_bias(x, size, strides, padding, f"{name}_conv")
    return normalize(x, style, True, name)


def mbconv(x, row, style, rate, name):
    """Expand, filter each channel, weigh and project them (MBConv, section 4).

    `row`: expansion, kernel, strides, channels out; `rate`: of being left out.
    """
    expansion, size, strides, filters = row
    y = x
    if expansion > 1:
        y = conv(y, expansion * x.shape[-1], 1, 1, style, f"{name}_expand")
    y = depthwise(y, size, strides, style, f"{name}_depthwise")
    squeezed = max(1, x.shape[-1] // 4)
    y = squeeze_excite(y, squeezed, activation="swish", name=f"{name}_se")
    y = conv(y, filters, 1, 1, style, f"{name}_project", activation=False)
    if strides > 1 or x.shape[-1] != filters:
        return y
    y = drop_path(y, rate, f"{name}_drop")
    return layers.Add(name=f"{name}_add")([x, y])


def efficientnet(scale, style, classes, input_shape, width, depth):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` and `depth` multiply what the row `scale` of `SCALES` says.
    """
    wider, deeper, dropout = SCALES[scale]
    width, depth = width * wider, depth * deeper
    depths = [math.ceil(depth * row[-1]) for row in STAGES]
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    x = conv(x, channels(32, width), 3, 2, style, "stem")
    features, index = {}, 0
    for stage, (expansion, size, first, filters, _) in enumerate(STAGES, start=1):
        for i in range(depths[stage - 1]):
            row = expansion, size, first if i == 0 else 1, channels(filters, width)
            rate = DROP_CONNECT * index / sum(depths)
            x = mbconv(x, row, style, rate, f"stage{stage}_block{i + 1}")
            index += 1
        if stage in LEVELS:
            features[LEVELS[stage]] = x
    x = conv(x, channels(1280, width), 1, 1, style, "head")
    name = f"efficientnet_{scale}{style.suffix}"
    return classifier(images, features, x, classes, name, dropout)


@register("classification", PAPER, 5_288_548, 0.386e9, "77.1", TPU)
def efficientnet_b0(classes=1000, input_shape=(224, 224, 3), width=1.0, depth=1.0):
    return efficientnet("b0", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 7_794_184, 0.687e9, "79.1", TPU)
def efficientnet_b1(classes=1000, input_shape=(240, 240, 3), width=1.0, depth=1.0):
    return efficientnet("b1", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 9_109_994, 0.994e9, "80.1", TPU)
def efficientnet_b2(classes=1000, input_shape=(260, 260, 3), width=1.0, depth=1.0):
    return efficientnet("b2", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 12_233_232, 1.827e9, "81.6", TPU)
def efficientnet_b3(classes=1000, input_shape=(300, 300, 3), width=1.0, depth=1.0):
    return efficientnet("b3", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 19_341_616, 4.394e9, "82.9", TPU)
def efficientnet_b4(classes=1000, input_shape=(380, 380, 3), width=1.0, depth=1.0):
    return efficientnet("b4", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 30_389_784, 10.266e9, "83.6", TPU)
def efficientnet_b5(classes=1000, input_shape=(456, 456, 3), width=1.0, depth=1.0):
    return efficientnet("b5", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 43_040_704, 19.068e9, "84.0", TPU)
def efficientnet_b6(classes=1000, input_shape=(528, 528, 3), width=1.0, depth=1.0):
    return efficientnet("b6", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 66_347_960, 37.746e9, "84.3", TPU)
def efficientnet_b7(classes=1000, input_shape=(600, 600, 3), width=1.0, depth=1.0):
    return efficientnet("b7", AUTHORS, classes, input_shape, width, depth)


@register("classification", PAPER, 5_288_548, 0.386e9, "77.692 / 93.532", TORCHVISION)
def efficientnet_b0_torchvision(
    classes=1000, input_shape=(224, 224, 3), width=1.0, depth=1.0
):
    return efficientnet("b0", RETRAINED, classes, input_shape, width, depth)


@register("classification", PAPER, 7_794_184, 0.687e9, "78.642 / 94.186", TORCHVISION)
def efficientnet_b1_torchvision(
    classes=1000, input_shape=(240, 240, 3), width=1.0, depth=1.0
):
    return efficientnet("b1", RETRAINED, classes, input_shape, width, depth)


@register("classification", PAPER, 9_109_994, 0.994e9, "80.608 / 95.310", TORCHVISION)
def efficientnet_b2_torchvision(
    classes=1000, input_shape=(260, 260, 3), width=1.0, depth=1.0
):
    return efficientnet("b2", RETRAINED, classes, input_shape, width, depth)


@register("classification", PAPER, 12_233_232, 1.827e9, "82.008 / 96.054", TORCHVISION)
def efficientnet_b3_torchvision(
    classes=1000, input_shape=(300, 300, 3), width=1.0, depth=1.0
):
    return efficientnet("b3", RETRAINED, classes, input_shape, width, depth)


@register("classification", PAPER, 19_341_616, 4.394e9, "83.384 / 96.594", TORCHVISION)
def efficientnet_b4_torchvision(
    classes=1000, input_shape=(380, 380, 3), width=1.0, depth=1.0
):
    return efficientnet("b4", RETRAINED, classes, input_shape, width, depth)


@register("classification", PAPER, 30_389_784, 10.266e9, "83.444 / 96.628", TORCHVISION)
def efficientnet_b5_torchvision(
    classes=1000, input_shape=(456, 456, 3), width=1.0, depth=1.0
):
    return efficientnet("b5", CONVERTED, classes, input_shape, width, depth)


@register("classification", PAPER, 43_040_704, 19.068e9, "84.008 / 96.916", TORCHVISION)
def efficientnet_b6_torchvision(
    classes=1000, input_shape=(528, 528, 3), width=1.0, depth=1.0
):
    return efficientnet("b6", CONVERTED, classes, input_shape, width, depth)


@register("classification", PAPER, 66_347_960, 37.746e9, "84.122 / 96.908", TORCHVISION)
def efficientnet_b7_torchvision(
    classes=1000, input_shape=(600, 600, 3), width=1.0, depth=1.0
):
    return efficientnet("b7", CONVERTED, classes, input_shape, width, depth)
