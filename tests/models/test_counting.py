"""Multiply-adds and parameters of layers, worked by hand."""

import keras
import pytest
from keras import layers

from kzoo import models
from kzoo.models.counting import multiply_adds, parameters
from kzoo.models.layers.grouped_conv import GroupedConv2D


def model_of(*stack, shape=(8, 10, 6)):
    x = images = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(images, x)


@pytest.mark.parametrize(
    "layer, expected",
    [
        # 4 x 5 positions of 3 x 3 x 6 x 16.
        (layers.Conv2D(16, 3, 2, padding="same"), 4 * 5 * 3 * 3 * 6 * 16),
        (layers.Conv2D(16, 3, padding="valid"), 6 * 8 * 3 * 3 * 6 * 16),
        (layers.Conv2D(16, 3, dilation_rate=2), 4 * 6 * 3 * 3 * 6 * 16),
        (GroupedConv2D(12, 1, groups=3), 8 * 10 * 2 * 12),
        (layers.DepthwiseConv2D(3, padding="same"), 8 * 10 * 9 * 6),
        (layers.SeparableConv2D(4, 3, padding="same"), 8 * 10 * (9 * 6 + 6 * 4)),
        # Each input position is spread by the whole kernel.
        (layers.Conv2DTranspose(5, 2, 2), 8 * 10 * 2 * 2 * 6 * 5),
        (layers.Dense(7), 8 * 10 * 6 * 7),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(), 0),
    ],
)
def test_a_kernel_costs_its_size_at_each_position(layer, expected):
    assert multiply_adds(model_of(layer)) == expected


def test_a_layer_that_is_called_twice_costs_twice():
    layer = layers.Conv2D(6, 3, padding="same")
    once, twice = model_of(layer), model_of(layer, layer)
    assert multiply_adds(twice) == 2 * multiply_adds(once)
    # And what another model made of it does not count.
    assert multiply_adds(once) == 8 * 10 * 9 * 36


def test_statistics_are_no_parameters():
    assert parameters(model_of(layers.BatchNormalization())) == 2 * 6


def test_a_model_of_any_size_has_no_count():
    model = models.resnet18(classes=2, width=0.125, input_shape=(None, None, 3))
    with pytest.raises(ValueError, match="any size"):
        multiply_adds(model)
