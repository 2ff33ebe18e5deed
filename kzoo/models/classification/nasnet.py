"""NASNet-A, Zoph et al., CVPR 2018, https://arxiv.org/abs/1707.07012, figure 4.

NASNet-A (N @ P) has N normal cells in each of three stages and P channels in the last:
`cells` and `filters`. What the paper does not say is as in the authors' code (slim of
tensorflow/models): two stem cells, each separable convolution twice, and which cell's
output a cell behind a reduction sees beside the last one's. `nasnet_mobile` and
`nasnet_large` pool as that code does, over the picture alone. `nasnet_mobile_keras` and
`nasnet_large_keras` pool at stride 2 over a border of zeros, as Keras' do, which have
the same weights. None has the auxiliary head; paths are left out in training at a rate
that grows with depth alone, not with time too (ScheduledDropPath).
"""

import dataclasses
import functools

import keras
from keras import layers

from kzoo.models.blocks import (
    classifier,
    conv_without_bias,
    depthwise_without_bias,
    drop_path,
)
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Zoph, Vasudevan, Shlens, Le",
    "Learning Transferable Architectures for Scalable Image Recognition",
    "CVPR 2018",
    "1707.07012",
)
SLIM = "tensorflow/models, research/slim/nets/nasnet; Keras 3.15.1 for the size"
KERAS = "Keras 3.15.1, applications.NASNet; its score by keras.io"

# Normal cells concatenate 6 results, in stages of 1, 2 and 4 times the channels.
PARTS = 24


def conv(x, filters, name):
    """Normalized 1x1 convolution of relu(x)."""
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    x = point(x, filters, 1, name)
    return normalize(x, name)


def point(x, filters, strides, name):
    return conv_without_bias(x, filters, 1, strides, "valid", f"{name}_conv")


def normalize(x, name):
    return layers.BatchNormalization(momentum=0.9997, epsilon=1e-3, name=f"{name}_bn")(
        x
    )


def separable(x, filters, size, strides, name):
    """relu, separable convolution and normalization, all twice."""
    for step, stride in ((1, strides), (2, 1)):
        x = layers.Activation("relu", name=f"{name}_{step}_relu")(x)
        x = depthwise_without_bias(
            x, size, stride, "same", f"{name}_{step}_depthwise_conv"
        )
        x = point(x, filters, 1, f"{name}_{step}_pointwise")
        x = normalize(x, f"{name}_{step}")
    return x


def slim_pool(layer, x, name):
    """3x3 at stride 2 over the picture alone."""
    return layer(3, 2, padding="same", name=name)(x)


def keras_pool(layer, x, name):
    """3x3 at stride 2, in which a border of zeros counts."""
    # As "same" pads: on both sides where a side is odd, else behind it.
    before = [1 if side and side % 2 else 0 for side in x.shape[1:3]]
    x = layers.ZeroPadding2D([(b, 1) for b in before], name=f"{name}_pad")(x)
    return layer(3, 2, name=name)(x)


def halve(x, filters, name):
    """Factorized reduction: half of the channels from pixels at even places, half
    from those at odd ones."""
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    even = point(x, filters // 2, 2, f"{name}_even")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    x = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_shift")(x)
    odd = point(x, filters // 2, 2, f"{name}_odd")
    return normalize(layers.Concatenate(name=f"{name}_concat")([even, odd]), name)


def stem(x, filters):
    x = conv_without_bias(x, filters, 3, 2, "valid", "stem_conv")
    return normalize(x, "stem")


def fit(previous, filters, is_larger, name):
    """The output of the cell before the last one, made alike to the last one's."""
    if is_larger:
        return halve(previous, filters, name)
    if previous.shape[-1] != filters:
        return conv(previous, filters, name)
    return previous


def normal_cell(x, previous, filters, rate, name):
    """Figure 4, left; `x` is the last cell's output, fitted by a convolution."""
    x = conv(x, filters, f"{name}_begin")

    def drop(y, place):
        return drop_path(y, rate, f"{name}_{place}_drop")

    def sep(y, size, place):
        return drop(separable(y, filters, size, 1, f"{name}_{place}"), place)

    def mean(y, place):
        pool = layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_{place}")
        return drop(pool(y), place)

    pairs = [
        (sep(x, 5, "left1"), sep(previous, 3, "right1")),
        (sep(previous, 5, "left2"), sep(previous, 3, "right2")),
        (mean(x, "left3"), previous),
        (mean(previous, "left4"), mean(previous, "right4")),
        (sep(x, 3, "left5"), x),
    ]
    sums = [
        layers.Add(name=f"{name}_add{i}")(pair) for i, pair in enumerate(pairs, start=1)
    ]
    return layers.Concatenate(name=name)([previous, *sums])


def reduction_cell(x, previous, filters, pool, rate, name):
    """Figure 4, right: half the height and width, four times the filters."""
    x = conv(x, filters, f"{name}_begin")

    def drop(y, place):
        return drop_path(y, rate, f"{name}_{place}_drop")

    def sep(y, size, place, strides=2):
        return drop(separable(y, filters, size, strides, f"{name}_{place}"), place)

    def pooled(layer, place):
        return drop(pool(layer, x, f"{name}_{place}"), place)

    def add(left, right, number):
        return layers.Add(name=f"{name}_add{number}")([left, right])

    most, mean = layers.MaxPooling2D, layers.AveragePooling2D
    first = add(sep(x, 5, "left1"), sep(previous, 7, "right1"), 1)
    second = add(pooled(most, "left2"), sep(previous, 7, "right2"), 2)
    third = add(pooled(mean, "left3"), sep(previous, 5, "right3"), 3)
    blurred = mean(3, 1, padding="same", name=f"{name}_right4")(first)
    fourth = add(second, drop(blurred, "right4"), 4)
    fifth = add(sep(first, 3, "left5", strides=1), pooled(most, "right5"), 5)
    return layers.Concatenate(name=name)([second, third, fourth, fifth])


@dataclasses.dataclass(frozen=True)
class Kind:
    """The row of a variant: what the paper's N and P leave open."""

    stem: int  # filters of the first convolution
    skips: bool  # behind a reduction a cell sees the output two cells before it
    pool: object  # at stride 2


MOBILE = Kind(32, False, slim_pool)
LARGE = Kind(96, True, slim_pool)
MOBILE_KERAS = dataclasses.replace(MOBILE, pool=keras_pool)
LARGE_KERAS = dataclasses.replace(LARGE, pool=keras_pool)


def plan(reduction, cells, unit):
    """(feature level, cell, filters, name), from the first cell to the last."""
    yield 2, reduction, unit // 4, "stem1"
    yield 3, reduction, unit // 2, "stem2"
    for stage in (3, 4, 5):
        filters = unit * 2 ** (stage - 3)
        if stage > 3:
            yield stage, reduction, filters, f"reduction{stage}"
        for i in range(1, cells + 1):
            yield stage, normal_cell, filters, f"stage{stage}_cell{i}"


def nasnet(kind, name, classes, input_shape, cells, filters, path):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `path` is the rate of `drop_path` in the last cell; it grows from the first on.

    Raises:
      ValueError: if the filters are no multiple of 96.
    """
    if filters % (4 * PARTS):
        raise ValueError(f"filters are a multiple of {4 * PARTS}, not {filters}")
    reduction = functools.partial(reduction_cell, pool=kind.pool)
    steps = list(plan(reduction, cells, filters // PARTS))
    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = stem(x, kind.stem)
    features, before, is_larger = {"C1": x}, None, False
    for index, (level, cell, wide, step) in enumerate(steps, start=1):
        previous = x  # the first cell sees the same twice
        if before is not None:
            previous = fit(before, wide, is_larger, f"{step}_previous")
        y = cell(x, previous, wide, rate=path * index / len(steps), name=step)
        if not (kind.skips and step.startswith("reduction")):
            before = x
        x = features[f"C{level}"] = y
        is_larger = cell is reduction
    x = features["C5"] = layers.Activation("relu", name="last_relu")(x)
    return classifier(images, features, x, classes, name, dropout=0.5)


@register("classification", PAPER, 5_289_978, 0.5636e9, "74.0 / 91.6", SLIM)
def nasnet_mobile(
    classes=1000, input_shape=(224, 224, 3), cells=4, filters=1056, drop_path=0.0
):
    name = "nasnet_mobile"
    return nasnet(MOBILE, name, classes, input_shape, cells, filters, drop_path)


@register("classification", PAPER, 88_753_150, 23.783e9, "82.7 / 96.2", SLIM)
def nasnet_large(
    classes=1000, input_shape=(331, 331, 3), cells=6, filters=4032, drop_path=0.3
):
    name = "nasnet_large"
    return nasnet(LARGE, name, classes, input_shape, cells, filters, drop_path)


@register("classification", PAPER, 5_289_978, 0.5636e9, "74.4 / 91.9", KERAS)
def nasnet_mobile_keras(
    classes=1000, input_shape=(224, 224, 3), cells=4, filters=1056, drop_path=0.0
):
    name = "nasnet_mobile_keras"
    return nasnet(MOBILE_KERAS, name, classes, input_shape, cells, filters, drop_path)


@register("classification", PAPER, 88_753_150, 23.783e9, "82.5 / 96.0", KERAS)
def nasnet_large_keras(
    classes=1000, input_shape=(331, 331, 3), cells=6, filters=4032, drop_path=0.3
):
    name = "nasnet_large_keras"
    return nasnet(LARGE_KERAS, name, classes, input_shape, cells, filters, drop_path)
