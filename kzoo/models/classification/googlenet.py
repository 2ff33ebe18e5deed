"""GoogLeNet, Szegedy et al., CVPR 2015, https://arxiv.org/abs/1409.4842, table 1.

`googlenet` is Berkeley's replica (bvlc_googlenet) with published weights, which settles
what the paper leaves open: local response normalization as Caffe reads it, poolings
whose last window may reach over the edge, pixels as BGR minus 104, 117, 123.
`googlenet_torchvision` is PyTorch's, from TF-slim's weights: batch norms for biases and
for local response normalization, 3x3 filters where the paper has 5x5 (a known mistake,
pytorch/vision issue 906), 2x2 windows in the last pooling, pixels in -1..1, and
auxiliary heads that see 4x4 means of whatever size.
"""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from kzoo.models import branches
from kzoo.models.blocks import ceil_max_pool, classifier, conv_without_bias
from kzoo.models.layers.adaptive_pooling import AdaptiveAveragePooling2D
from kzoo.models.layers.dropout import Dropout
from kzoo.models.layers.local_response_normalization import LocalResponseNormalization
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich",
    "Going Deeper with Convolutions",
    "CVPR 2015",
    "1409.4842",
)

# Table 1: filters of 1x1, of 3x3 behind a reduction, of 5x5 behind one, of 1x1 behind
# the pooling.
MODULES = {
    "inception3a": (64, (96, 128), (16, 32), 32),
    "inception3b": (128, (128, 192), (32, 96), 64),
    "inception4a": (192, (96, 208), (16, 48), 64),
    "inception4b": (160, (112, 224), (24, 64), 64),
    "inception4c": (128, (128, 256), (24, 64), 64),
    "inception4d": (112, (144, 288), (32, 64), 64),
    "inception4e": (256, (160, 320), (32, 128), 128),
    "inception5a": (256, (160, 320), (32, 128), 128),
    "inception5b": (384, (192, 384), (48, 128), 128),
}
# The feature level that a module completes; a pooling follows all but the last.
LEVELS = {"inception3b": "C3", "inception4e": "C4", "inception5b": "C5"}
# Section 5: what the two auxiliary heads see.
AUXILIARY = {"inception4a": "auxiliary1", "inception4d": "auxiliary2"}


def conv(x, filters, size, strides=1, name=None):
    """Convolution and ReLU, with initial values as Berkeley's."""
    x, padding = pad(x, size, strides, name)
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding=padding,
        activation="relu",
        kernel_initializer="glorot_uniform",
        bias_initializer=keras.initializers.Constant(0.2),
        name=f"{name}_conv",
    )(x)


def conv_bn(x, filters, size, strides=1, name=None):
    """Convolution without bias, batch norm and ReLU, where `conv` has biases."""
    x, padding = pad(x, size, strides, name)
    x = conv_without_bias(x, filters, size, strides, padding, f"{name}_conv")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def pad(x, size, strides, name):
    """(x, the padding that is left to do): even, where "same" at stride 2 is not."""
    if strides == 1:
        return x, "same"
    return layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x), "valid"


def normalize(x, name):
    # Caffe's alpha, 1e-4, is for the mean of five squares.
    return LocalResponseNormalization(5, 1e-4 / 5, 0.75, k=1.0, name=name)(x)


def as_it_is(x, name):
    return x


def five_by_three(x, name):
    """4x4 means of a 14x14 grid."""
    return layers.AveragePooling2D(5, 3, name=name)(x)


def four_by_four(x, name):
    return AdaptiveAveragePooling2D(4, name=name)(x)


def inception(one, three, five, projection, large):
    """Figure 2b; `large` is the size of the filters that are 5x5 there."""
    return [
        ((one, 1),),
        ((three[0], 1), (three[1], 3)),
        ((five[0], 1), (five[1], large)),
        (branches.max_pool, (projection, 1)),
    ]


@dataclasses.dataclass(frozen=True)
class Style:
    """What an implementation has of its own around the paper's layers."""

    pixels: str  # mode of Preprocess
    conv: Callable
    normalize: Callable
    large: int  # size of the largest filters of a module
    last_pool: int  # size of the pooling before 5a
    auxiliary_pool: Callable
    dropout: float


BVLC = Style("bvlc", conv, normalize, 5, 3, five_by_three, 0.4)
TORCHVISION = Style("tf", conv_bn, as_it_is, 3, 2, four_by_four, 0.2)


def auxiliary_head(x, classes, style, conv, width, name):
    """A classifier of a grid halfway, (B, H, W, C) to (B, classes); section 5.

    Its first dense layer has weights for each position: for one size of pictures.
    """
    if None in x.shape[1:3]:
        raise ValueError(f"auxiliary heads take pictures of one size, not {x.shape}")
    x = style.auxiliary_pool(x, name=f"{name}_pool")
    x = conv(x, 128, 1, name=name)
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(round(1024 * width), "relu", name=f"{name}_fc")(x)
    x = Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(classes, dtype="float32", name=f"{name}_logits")(x)


def stem(x, style, conv):
    """Until 3a: {"C1", "C2"} and what the modules see."""
    c1 = conv(x, 64, 7, 2, name="stem_1")
    x = ceil_max_pool(c1, 3, 2, name="stem_1_pool")
    x = style.normalize(x, name="stem_1_norm")
    x = conv(x, 64, 1, name="stem_2")
    x = conv(x, 192, 3, name="stem_3")
    c2 = style.normalize(x, name="stem_3_norm")
    return {"C1": c1, "C2": c2}, ceil_max_pool(c2, 3, 2, name="stem_3_pool")


def network(style, name, classes, input_shape, width, auxiliary):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` multiplies the channels of every layer. `auxiliary` gives {"logits",
    "auxiliary1", "auxiliary2"} instead of logits.
    """
    images = keras.Input(input_shape, name="images")
    conv = branches.widened(style.conv, width)
    x = Preprocess(style.pixels, name="preprocess")(images)
    features, x = stem(x, style, conv)
    heads = {}
    for module, row in MODULES.items():
        x = branches.mixed(x, inception(*row, style.large), conv, module)
        if auxiliary and classes and module in AUXILIARY:
            head = AUXILIARY[module]
            heads[head] = auxiliary_head(x, classes, style, conv, width, f"head_{head}")
        if module in LEVELS:
            features[LEVELS[module]] = x
        if LEVELS.get(module) in ("C3", "C4"):
            size = style.last_pool if module == "inception4e" else 3
            x = ceil_max_pool(x, size, 2, name=f"{module}_pool")
    model = classifier(images, features, x, classes, name, style.dropout)
    return branches.with_auxiliary(model, heads) if heads else model


@register(
    "classification",
    PAPER,
    6_998_552,
    1.5827e9,
    "68.7 / 88.9; paper: - / 89.93",
    "BVLC/caffe models/bvlc_googlenet: deploy.prototxt and readme, one crop",
)
def googlenet(classes=1000, input_shape=(224, 224, 3), width=1.0, auxiliary=False):
    return network(BVLC, "googlenet", classes, input_shape, width, auxiliary)


@register(
    "classification",
    PAPER,
    6_624_904,
    1.498e9,
    "69.778 / 89.530",
    "torchvision 0.28, IMAGENET1K_V1",
)
def googlenet_torchvision(
    classes=1000, input_shape=(224, 224, 3), width=1.0, auxiliary=False
):
    name = "googlenet_torchvision"
    return network(TORCHVISION, name, classes, input_shape, width, auxiliary)
