"""MobileNet, Howard et al., 2017, https://arxiv.org/abs/1704.04861, table 1.

`mobilenet_v1` is the authors' network as TF-slim and Keras have it: pictures in
-1..1, "same" padding, batch norm epsilon 1e-3. Keras pads a depthwise convolution of
stride 2 by one row and column at the end whatever the side is: the same as ours for
pictures whose sides are multiples of 32, as published ones are.
`mobilenet_v1_timm` has PyTorch's even padding and epsilon 1e-5, and so timm's weights.
"""

import keras

from kzoo.models.blocks import classifier
from kzoo.models.classification.mobilenet_v2 import SLIM, Style, conv, depthwise
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam",
    "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision "
    "Applications",
    "arXiv 2017",
    "1704.04861",
)
TIMM = Style("tf", even_padding=True, epsilon=1e-5, momentum=0.9)

# Table 1: output channels, blocks, strides of the first block, the level completed.
STAGES = (
    (64, 1, 1, "C1"),
    (128, 2, 2, "C2"),
    (256, 2, 2, "C3"),
    (512, 6, 2, "C4"),
    (1024, 2, 2, "C5"),
)


def separable(x, filters, strides, style, name):
    """Filter each channel, then mix the channels at each position (section 3.1)."""
    x = depthwise(x, 3, strides, style, f"{name}_depthwise")
    return conv(x, filters, 1, 1, style, f"{name}_pointwise")


def network(style, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` multiplies the channels of all layers, those of the first too
    (section 3.3), and what is not whole is cut off.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess(style.pixels, name="preprocess")(images)
    x = conv(x, int(32 * width), 3, 2, style, "stem")
    features, block = {}, 0
    for filters, depth, first, level in STAGES:
        for i in range(depth):
            block += 1
            strides = first if i == 0 else 1
            x = separable(x, int(filters * width), strides, style, f"block{block}")
        features[level] = x
    return classifier(images, features, x, classes, name, dropout=1e-3)


@register(
    "classification",
    PAPER,
    4_231_976,
    0.5687e9,
    "70.9 / 89.9",
    "tensorflow/models, research/slim/nets/mobilenet_v1.md; paper: 70.6",
)
def mobilenet_v1(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(SLIM, "mobilenet_v1", classes, input_shape, width)


@register(
    "classification",
    PAPER,
    4_231_976,
    0.5687e9,
    None,
    "size and multiply-adds as mobilenet_v1's",
)
def mobilenet_v1_timm(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(TIMM, "mobilenet_v1_timm", classes, input_shape, width)
