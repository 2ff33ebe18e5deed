"""MobileNetV3, Howard et al., ICCV 2019, https://arxiv.org/abs/1905.02244, tables 1, 2.

`mobilenet_v3_large` and `_small` are the authors' networks as TF-slim and Keras have
them, whose weights and timm's tf_ ones they take: pictures in -1..1, "same" padding.
The `_torchvision` ones have PyTorch's pixel scale and even padding, and take
torchvision's weights and timm's others. At other widths all follow Keras: the first
convolution keeps its 16 channels, the layer before the logits does not shrink.
"""

import keras
from keras import layers, ops

from kzoo.models.base import Model
from kzoo.models.blocks import he_normal, squeeze_excite
from kzoo.models.classification.mobilenet_v2 import (
    SLIM,
    Style,
    channels,
    conv,
    depthwise,
)
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam",
    "Searching for MobileNetV3",
    "ICCV 2019",
    "1905.02244",
)
TORCHVISION = Style("torch", even_padding=True, epsilon=1e-3, momentum=0.99)


# Of operations that every runtime has: LiteRT makes one of its own of hard_swish.
@keras.saving.register_keras_serializable("kzoo")
def hard_sigmoid(x):
    return ops.relu6(x + 3.0) * (1 / 6)


@keras.saving.register_keras_serializable("kzoo")
def hard_swish(x):
    return x * hard_sigmoid(x)


# Tables 1 and 2: kernel size, expanded channels, output channels, whether it squeezes
# and excites, activation, strides.
LARGE = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, hard_swish, 2),
    (3, 200, 80, False, hard_swish, 1),
    (3, 184, 80, False, hard_swish, 1),
    (3, 184, 80, False, hard_swish, 1),
    (3, 480, 112, True, hard_swish, 1),
    (3, 672, 112, True, hard_swish, 1),
    (5, 672, 160, True, hard_swish, 2),
    (5, 960, 160, True, hard_swish, 1),
    (5, 960, 160, True, hard_swish, 1),
)
SMALL = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, hard_swish, 2),
    (5, 240, 40, True, hard_swish, 1),
    (5, 240, 40, True, hard_swish, 1),
    (5, 120, 48, True, hard_swish, 1),
    (5, 144, 48, True, hard_swish, 1),
    (5, 288, 96, True, hard_swish, 2),
    (5, 576, 96, True, hard_swish, 1),
    (5, 576, 96, True, hard_swish, 1),
)
# Channels of the layer between the mean over positions and the logits.
HIDDEN = {LARGE: 1280, SMALL: 1024}


def bottleneck(x, size, expanded, filters, squeezes, activation, strides, style, name):
    """Expand, filter each channel, weigh them, project (figure 4)."""
    y = x
    if expanded != x.shape[-1]:
        y = conv(y, expanded, 1, 1, style, f"{name}_expand", activation)
    y = depthwise(y, size, strides, style, f"{name}_depthwise", activation)
    if squeezes:
        y = squeeze_excite(y, channels(expanded, 0.25), hard_sigmoid, name=f"{name}_se")
    y = conv(y, filters, 1, 1, style, f"{name}_project", activation=None)
    if y.shape == x.shape and strides == 1:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def network(table, style, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess(style.pixels, name="preprocess")(images)
    x = conv(x, 16, 3, 2, style, "stem", hard_swish)
    features, level, before = {"C1": x}, 1, 16
    for block, (size, expanded, filters, *others, strides) in enumerate(table, 1):
        # By how much a block expands does not depend on the width.
        expanded = channels(x.shape[-1], expanded / before)
        row = size, expanded, channels(filters, width), *others, strides
        x = bottleneck(x, *row, style, f"block{block}")
        level += strides == 2
        features[f"C{level}"] = x
        before = filters
    if classes is None:
        return Model(images, features, name=name)
    x = conv(x, channels(x.shape[-1], 6), 1, 1, style, "head", hard_swish)
    hidden = channels(HIDDEN[table], max(1.0, width))
    model = Model(images, head(x, hidden, classes), name=name)
    model.task = Classification(classes)
    return model


def head(x, hidden, classes):
    """The layers behind the mean over positions (figure 5): no batch norm there."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(hidden, kernel_initializer=he_normal(), name="head_dense")(x)
    x = layers.Activation(hard_swish, name="head_dense_act")(x)
    x = Dropout(0.2, name="dropout")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)


SLIM_SOURCE = "tensorflow/models, research/slim/nets/mobilenet (top-1)"
TORCHVISION_SOURCE = "torchvision 0.28, IMAGENET1K_V1"


@register("classification", PAPER, 5_483_032, 0.2166e9, "75.2", SLIM_SOURCE)
def mobilenet_v3_large(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(LARGE, SLIM, "mobilenet_v3_large", classes, input_shape, width)


# TF-slim's page has 66 million multiply-adds and 2.9 million weights: not this graph.
@register("classification", PAPER, 2_542_856, 0.0565e9, "67.5", SLIM_SOURCE)
def mobilenet_v3_small(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(SMALL, SLIM, "mobilenet_v3_small", classes, input_shape, width)


@register(
    "classification", PAPER, 5_483_032, 0.2166e9, "74.042 / 91.340", TORCHVISION_SOURCE
)
def mobilenet_v3_large_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "mobilenet_v3_large_torchvision"
    return network(LARGE, TORCHVISION, name, classes, input_shape, width)


@register(
    "classification", PAPER, 2_542_856, 0.0565e9, "67.668 / 87.402", TORCHVISION_SOURCE
)
def mobilenet_v3_small_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "mobilenet_v3_small_torchvision"
    return network(SMALL, TORCHVISION, name, classes, input_shape, width)
