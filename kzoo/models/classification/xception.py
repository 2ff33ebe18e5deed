"""Xception, Chollet, CVPR 2017, https://arxiv.org/abs/1610.02357, figure 5.

As the author's own in keras.applications: the first two convolutions do not pad, all
others pad as Keras' "same", and nothing is between a depthwise convolution and the
pointwise one that follows it. PyTorch's and timm's copies of its weights
(`legacy_xception`) fit too; their poolings pad evenly, so that at 299 pixels one of
them, from 74 to 37, looks at other windows.
"""

import keras
from keras import layers

from kzoo.models.blocks import classifier, conv_without_bias, depthwise_without_bias
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Chollet",
    "Xception: Deep Learning with Depthwise Separable Convolutions",
    "CVPR 2017",
    "1610.02357",
)


def normalize(x, name):
    # Momentum and epsilon are Keras' defaults, as in the author's network.
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn")(x)


def relu(x, name):
    return layers.Activation("relu", name=f"{name}_act")(x)


def conv(x, filters, size, strides, padding, name):
    x = conv_without_bias(x, filters, size, strides, padding, f"{name}_conv")
    return normalize(x, name)


def separable_conv(x, filters, name):
    """A 3x3 filter for each channel, then a mix of all channels."""
    x = depthwise_without_bias(x, 3, 1, "same", f"{name}_depthwise_conv")
    return conv(x, filters, 1, 1, "same", f"{name}_pointwise")


def strided_block(x, filters, name):
    """Two separable convolutions and a pooling beside a strided 1x1 convolution.

    `filters` are those of the first and of the second. ReLUs come before: the first
    block, whose input is rectified already, loses nothing by its own.
    """
    shortcut = conv(x, filters[1], 1, 2, "same", f"{name}_shortcut")
    for i, wide in enumerate(filters, start=1):
        x = relu(x, f"{name}_{i}")
        x = separable_conv(x, wide, f"{name}_{i}")
    x = layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(x)
    return layers.Add(name=f"{name}_add")([x, shortcut])


def middle_block(x, name):
    """Three separable convolutions beside the identity."""
    y = x
    for i in (1, 2, 3):
        y = relu(y, f"{name}_{i}")
        y = separable_conv(y, x.shape[-1], f"{name}_{i}")
    return layers.Add(name=f"{name}_add")([x, y])


@register(
    "classification",
    PAPER,
    22_855_952,
    8.357e9,
    "79.0 / 94.5",
    "table 3 of the paper (size), keras.applications (score); multiply-adds of timm's",
)
def xception(classes=1000, input_shape=(299, 299, 3), width=1.0):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` multiplies the channels of every layer. The first convolutions do not
    pad: 299 pixels give levels of 147, 74, 37, 19 and 10.
    """

    def wide(*filters):
        return [round(n * width) for n in filters]

    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", name="preprocess")(images)
    for i, (filters, strides) in enumerate(zip(wide(32, 64), (2, 1)), start=1):
        x = relu(conv(x, filters, 3, strides, "valid", f"stem_{i}"), f"stem_{i}")
    features = {"C1": x}
    x = features["C2"] = strided_block(x, wide(128, 128), "block2")
    x = features["C3"] = strided_block(x, wide(256, 256), "block3")
    x = strided_block(x, wide(728, 728), "block4")
    for i in range(5, 13):
        x = middle_block(x, f"block{i}")
    features["C4"] = x
    x = strided_block(x, wide(728, 1024), "block13")
    for i, filters in enumerate(wide(1536, 2048), start=1):
        x = relu(separable_conv(x, filters, f"block14_{i}"), f"block14_{i}")
    features["C5"] = x
    # Section 4.3: half of the pooled features are dropped on ImageNet.
    return classifier(images, features, x, classes, "xception", dropout=0.5)
