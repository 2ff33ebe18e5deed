"""Adaptive pooling against a loop over its windows."""

import math

import numpy as np
import pytest

from kzoo.models.layers.adaptive_pooling import AdaptiveAveragePooling2D


@pytest.mark.parametrize("height, width, size", [(7, 9, 3), (2, 3, 7), (6, 6, 6)])
def test_each_window_is_a_mean(height, width, size):
    x = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype("float32")
    result = np.asarray(AdaptiveAveragePooling2D(size)(x))
    assert result.shape == (2, size, size, 3)
    for i in range(size):
        for j in range(size):
            rows = slice(i * height // size, math.ceil((i + 1) * height / size))
            columns = slice(j * width // size, math.ceil((j + 1) * width / size))
            expected = x[:, rows, columns].mean(axis=(1, 2))
            np.testing.assert_allclose(result[:, i, j], expected, rtol=1e-5, atol=1e-6)


def test_open_sides_are_refused():
    layer = AdaptiveAveragePooling2D(7, name="pool")
    with pytest.raises(ValueError, match="pool needs a fixed height and width"):
        layer.build((None, None, 5, 3))
