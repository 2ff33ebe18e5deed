"""The groups of layers that networks share, against slow loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.models import blocks


def applied(block, x, **arguments):
    """What a block of layers gives for an array."""
    images = keras.Input(x.shape[1:])
    model = keras.Model(images, block(images, **arguments, name="block"))
    return model, model(x).numpy()


@pytest.mark.parametrize("side", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("size, strides", [(3, 2), (2, 2), (3, 1)])
def test_ceil_max_pool_lets_its_last_window_hang_over(side, size, strides):
    x = np.random.default_rng(0).uniform(0, 1, (1, side, side, 2)).astype("float32")
    count = -(-(side - size) // strides) + 1
    _, outputs = applied(blocks.ceil_max_pool, x, size=size, strides=strides)
    assert outputs.shape == (1, count, count, 2)
    for row in range(count):
        for column in range(count):
            i, j = row * strides, column * strides
            window = x[0, i : i + size, j : j + size]
            np.testing.assert_array_equal(outputs[0, row, column], window.max((0, 1)))


def test_squeeze_excite_scales_channels_by_their_means():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 6)).astype("float32")
    model, outputs = applied(blocks.squeeze_excite, x, reduced=2)
    first, bias, second, offset = (w.numpy() for w in model.weights)
    squeezed = np.maximum(x.mean((1, 2)) @ first[0, 0] + bias, 0)
    gate = 1 / (1 + np.exp(-(squeezed @ second[0, 0] + offset)))
    np.testing.assert_allclose(outputs, x * gate[:, None, None], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("side, channels", [(64, 4), (64, 8), (96, 8), (5, 3)])
def test_a_strided_1x1_convolution_has_the_gradient_of_what_it_sees(side, channels):
    """TensorFlow's own ends the process at these shapes, or gives nonsense."""
    x = np.random.default_rng(0).normal(size=(2, side, side, channels))
    x = x.astype("float32")
    images = keras.Input(x.shape[1:])
    outputs = blocks.conv_bn(images, 8, 1, 2, activation=None, name="block")
    model = keras.Model(images, outputs)
    kernel = model.get_layer("block_conv").kernel
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(x, training=False))
    gradient = tape.gradient(loss, kernel.value).numpy()
    seen = x[:, ::2, ::2].sum((0, 1, 2)) / np.sqrt(1 + 1e-5)
    expected = np.repeat(seen[:, None], 8, 1)[None, None]
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3)


def test_drop_path_drops_whole_pictures_and_keeps_the_mean():
    x = np.ones((4000, 2, 2, 3), "float32")
    images = keras.Input(x.shape[1:])
    keras.utils.set_random_seed(0)
    model = keras.Model(images, blocks.drop_path(images, 0.25, name="drop"))
    rows = model(x, training=True).numpy().reshape(4000, -1)
    assert np.all(rows == rows[:, :1])
    assert set(np.unique(rows)) == {0.0, np.float32(1 / 0.75)}
    # A share of 0.75 with a deviation of 0.007.
    assert np.mean(rows[:, 0] > 0) == pytest.approx(0.75, abs=0.03)
    np.testing.assert_array_equal(model(x, training=False), x)


def test_drop_path_of_nothing_is_no_layer():
    images = keras.Input((2, 2, 3))
    assert blocks.drop_path(images, 0.0, name="drop") is images
