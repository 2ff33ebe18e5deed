"""Heads that all levels of a pyramid share, Lin et al., ICCV 2017, section 4.

https://arxiv.org/abs/1708.02002: a tower of 3x3 convolutions and a last one that
predicts, applied to each level; the rows of all levels stand one below the other.
"""

import math

import keras
from keras import layers

from kzoo.models.detection.fpn import convolution

LEVELS = ("P3", "P4", "P5", "P6", "P7")
# Every class of every row starts from this probability (section 4.1).
PRIOR = 0.01


def bias():
    """Of the layer of the classes, for `PRIOR`."""
    return -math.log((1 - PRIOR) / PRIOR)


def coarse_levels(source, filters):
    """{"P6", "P7"}: strided convolutions of `source`, a ReLU between them."""
    p6 = convolution(filters, 3, strides=2, name="P6")(source)
    p7 = layers.Activation("relu", name="P6_act")(p6)
    return {"P6": p6, "P7": convolution(filters, 3, strides=2, name="P7")(p7)}


def head_convolution(filters, name, bias=0.0, **options):
    """A 3x3 convolution with the initial values of section 4.1."""
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(0, 0.01),
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
        **options,
    )


def tower(pyramid, step, depth, name):
    """{"Pk": (B, H, W, C)} after `depth` steps; `step` makes the layers of one, of its
    name."""
    if depth < 0:
        raise ValueError(f"depth is {depth}; a head has 0 convolutions or more")
    steps = sum([step(f"{name}_{i}") for i in range(1, depth + 1)], [])
    features = {}
    for level in LEVELS:
        x = pyramid[level]
        for layer in steps:
            x = layer(x)
        features[level] = x
    return features


def rows(features, length, name):
    """{"Pk": (B, H, W, n * length)} as one (B, N, length), float32: level by level."""
    parts = [
        layers.Reshape((-1, length), name=f"{name}_{level}")(features[level])
        for level in LEVELS
    ]
    return layers.Concatenate(axis=1, dtype="float32", name=name)(parts)
