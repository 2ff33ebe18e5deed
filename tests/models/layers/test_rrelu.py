"""Randomized leaky ReLU: the paper's slopes, and what is drawn."""

import keras
import numpy as np
import pytest

from kzoo.models.layers.rrelu import RReLU


def test_a_file_has_the_papers_slope():
    """x / ((3 + 8) / 2) for x < 0."""
    result = np.asarray(RReLU()(np.float32([-11, 0, 11])))
    np.testing.assert_allclose(result, [-2, 0, 11], rtol=1e-6)


def test_divisors_are_drawn_evenly_for_each_value():
    layer = RReLU(3.0, 8.0, seed=0)
    x = np.full((100, 100), -1.0, "float32")
    divisors = -1 / np.asarray(layer(x, training=True))
    assert 3 <= divisors.min() < 3.01 and 7.99 < divisors.max() <= 8
    assert len(np.unique(divisors)) > 9000
    # A thousand values in each tenth, and a deviation of 30.
    counts = np.histogram(divisors, 10, (3, 8))[0]
    assert np.all(np.abs(counts - 1000) < 150)
    again = -1 / np.asarray(layer(x, training=True))
    assert np.any(again != divisors)


def test_what_is_positive_stays():
    x = np.random.default_rng(0).uniform(0, 5, (3, 4)).astype("float32")
    np.testing.assert_array_equal(RReLU()(x, training=True), x)


def test_the_gradient_is_the_slope_that_was_drawn():
    import tensorflow as tf

    layer = RReLU(seed=1)
    x = tf.constant([[-2.0, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), y / x, rtol=1e-6)


def test_bounds_have_an_order():
    with pytest.raises(ValueError, match="0 < lower <= upper, not 8 and 3"):
        RReLU(8, 3)


def test_it_is_built_again_from_its_config():
    again = RReLU.from_config(RReLU(2.0, 4.0, seed=3).get_config())
    assert (again.lower, again.upper, again.seed) == (2.0, 4.0, 3)
    assert isinstance(again, keras.layers.Layer)
