"""Focus: pixels of a square become channels, in the order of published weights."""

import keras
import numpy as np
import pytest

from kzoo.models.layers.focus import Focus


def test_left_top_left_bottom_right_top_right_bottom():
    x = np.arange(2 * 4 * 6 * 3, dtype="float32").reshape(2, 4, 6, 3)
    y = np.asarray(Focus()(x))
    assert y.shape == (2, 2, 3, 12)
    corners = [x[1, 2, 4], x[1, 3, 4], x[1, 2, 5], x[1, 3, 5]]
    np.testing.assert_array_equal(y[1, 1, 2], np.concatenate(corners))


@pytest.mark.parametrize("height, width", [(5, 4), (4, 5), (5, 5), (1, 1)])
def test_odd_sides_end_in_zeros(height, width):
    x = np.ones((1, height, width, 1), "float32")
    y = np.asarray(Focus()(x))
    assert y.shape == (1, -(-height // 2), -(-width // 2), 4)
    assert y.sum() == height * width and np.all(y[..., 0] == 1)


def test_sides_may_be_open():
    images = keras.Input((None, None, 3))
    model = keras.Model(images, Focus()(images))
    assert model.output_shape == (None, None, None, 12)
    assert model(np.ones((1, 4, 8, 3))).shape == (1, 2, 4, 12)
