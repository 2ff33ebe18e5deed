"""Grouped convolution is that of each group's channels, and learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.models.layers.grouped_conv import GroupedConv2D


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("groups", [1, 4, 8])
def test_each_group_sees_its_own_channels(groups, padding):
    x = np.random.default_rng(0).normal(size=(2, 9, 11, 8)).astype("float32")
    layer = GroupedConv2D(16, 3, 2, padding=padding, groups=groups)
    outputs = layer(x).numpy()
    kernel, bias = (w.numpy() for w in layer.weights)
    assert kernel.shape == (3, 3, 8 // groups, 16)
    for group in range(groups):
        mine = slice(group * 16 // groups, (group + 1) * 16 // groups)
        share = x[..., group * 8 // groups : (group + 1) * 8 // groups]
        expected = tf.nn.conv2d(share, kernel[..., mine], 2, padding.upper())
        np.testing.assert_allclose(
            outputs[..., mine], expected + bias[mine], rtol=1e-4, atol=1e-5
        )


def test_its_gradient_is_the_slope():
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype("float32")
    layer = GroupedConv2D(4, 3, groups=2, padding="same")
    layer.build(x.shape)
    value = layer.kernel.numpy()

    def loss(kernel):
        layer.kernel.assign(kernel)
        return float(tf.reduce_sum(layer(x) ** 2))

    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x) ** 2)
    gradient = tape.gradient(total, layer.kernel.value).numpy()
    for place in [(0, 0, 0, 0), (1, 2, 1, 3), (2, 1, 0, 2)]:
        step = np.zeros_like(value)
        step[place] = 1e-2
        slope = (loss(value + step) - loss(value - step)) / 2e-2
        assert gradient[place] == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_it_is_saved_with_its_groups(tmp_path):
    images = keras.Input((8, 8, 4))
    model = keras.Model(images, GroupedConv2D(8, 3, groups=4)(images))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.ones((1, 8, 8, 4), "float32")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_groups_that_do_not_divide_are_an_error():
    with pytest.raises(ValueError, match="groups"):
        GroupedConv2D(9, 3, groups=4)
