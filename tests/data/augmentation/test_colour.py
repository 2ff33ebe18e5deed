"""Hue, saturation and value against Python's own conversion, one pixel at a time."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

from kzoo.data.augmentation import colour

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.float32)
PIXELS[0] = [[0, 0, 0], [255, 255, 255], [90, 90, 90], [255, 0, 0], [0, 0, 255]]


def by_hand(change):
    """Every pixel through `change(h, s, v)`."""
    pixels = PIXELS.reshape(-1, 3) / 255
    pixels = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*p))) for p in pixels]
    return np.reshape(pixels, PIXELS.shape) * 255


@pytest.mark.parametrize("by", [(0, 0, 0), (0.1, 0, 0), (-0.2, 0.3, -0.4), (0, -1, 0)])
def test_shift(by):
    one = lambda h, s, v: (
        (h + by[0]) % 1,
        np.clip(s + by[1], 0, 1),
        np.clip(v + by[2], 0, 1),
    )
    result = colour.shift(tf.constant(PIXELS), tf.constant(by, tf.float32))
    np.testing.assert_allclose(result, by_hand(one), atol=0.02)


def test_red_turned_by_a_third_is_green():
    red = tf.constant([[[200.0, 0, 0]]])
    np.testing.assert_allclose(
        colour.shift(red, tf.constant([1 / 3, 0, 0])), [[[0, 200, 0]]], atol=0.02
    )


def drawn(function, count=400):
    image, function = tf.constant(PIXELS), tf.function(function)
    return np.stack([function(image, tf.constant([7, i])) for i in range(count)])


def test_jitter_leaves_an_eighth_as_it_is_and_moves_within_its_limits():
    pictures = drawn(colour.jitter)
    same = np.isclose(pictures, PIXELS, atol=0.01).all((1, 2, 3)).mean()
    assert 0.08 < same < 0.18
    # The value is that of the brightest channel: here 255, 90 and 0.
    moved = pictures.max(-1) - PIXELS.max(-1)
    assert -30.1 < moved.min() < -29 and 29 < moved.max() < 30.1
    unmoved = np.isclose(moved[:, 0, 2], 0, atol=0.01).mean()
    assert 0.42 < unmoved < 0.58


def test_distort_within_its_limits():
    pictures = drawn(colour.distort)
    assert pictures.min() >= 0 and pictures.max() <= 255
    same = np.isclose(pictures, PIXELS, atol=0.01).all((1, 2, 3)).mean()
    assert 0.03 < same < 0.1  # a sixteenth
    # Grey 90, by up to 32 and 0.5 to 1.5: no hue nor saturation comes in.
    grey = pictures[:, 0, 2]
    assert np.ptp(grey, axis=-1).max() < 0.01
    assert 29 <= grey.min() < 40 and 150 < grey.max() <= 183


def test_a_seed_is_a_colour():
    for function in (colour.jitter, colour.distort):
        first, again = (function(tf.constant(PIXELS), [3, 4]) for _ in range(2))
        np.testing.assert_array_equal(first, again)
