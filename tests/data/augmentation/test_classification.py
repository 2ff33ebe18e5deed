"""Augmentation of pictures with a label, each step against the simple truth."""

import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from kzoo.data.augmentation import classification
from kzoo.data.augmentation.classification import (
    CROPS,
    Padded,
    Resized,
    Scaled,
    Whole,
    augmentation,
    cut_out,
    relight,
    warp,
)
from kzoo.data.augmentation.mixing import Mix
from kzoo.data.augmentation.random_augment import RandAugment

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (12, 9, 3), dtype=np.uint8)
LABEL, SEED = tf.TensorSpec((), tf.int32), tf.TensorSpec((2,), tf.int64)
PLAIN = {"flip": 0.0, "colour": 0.0}


def augmented(function, image=PICTURE, seed=0):
    example = {"image": tf.constant(image), "label": tf.constant(3)}
    return function(example, tf.constant([0, seed], tf.int64))["image"].numpy()


@pytest.mark.parametrize("policy", [None, RandAugment(2, 20)], ids=["", "policy"])
@pytest.mark.parametrize("crop", CROPS)
def test_odd_pictures_are_filled_and_stay_in_range(crop, policy):
    function = augmentation(
        (24, 32), CROPS[crop](), lighting=0.1, policy=policy, cutout=9
    )
    size = {"image": tf.TensorSpec((None, None, 3), tf.uint8), "label": LABEL}
    function = tf.function(function, input_signature=[size, SEED])
    for seed, shape in enumerate([(1, 1), (1, 300), (300, 2), (31, 47)]):
        image = RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)
        found = augmented(function, image, seed)
        assert found.shape == (24, 32, 3)
        assert np.isfinite(found).all() and 0 <= found.min() <= found.max() <= 255


@pytest.mark.parametrize("crop", [Padded(3), Padded(3, reflect=True)])
def test_pad_and_crop_is_a_window_of_the_padded_picture(crop):
    mode = "reflect" if crop.reflect else "constant"
    padded = np.pad(PICTURE, [(3, 3), (3, 3), (0, 0)], mode)
    windows = {
        padded[y : y + 12, x : x + 9].tobytes() for y in range(7) for x in range(7)
    }
    function = augmentation((12, 9), crop, **PLAIN)
    seen = set()
    for seed in range(60):
        found = augmented(function, seed=seed).astype(np.uint8).tobytes()
        assert found in windows
        seen.add(found)
    assert len(seen) > 25  # of 49


def test_half_of_the_pictures_are_mirrored():
    function = augmentation((12, 9), Whole(), flip=0.5, colour=0)
    found = [augmented(function, seed=seed) for seed in range(40)]
    mirrored = [np.array_equal(image, PICTURE[:, ::-1]) for image in found]
    straight = [np.array_equal(image, PICTURE) for image in found]
    assert sum(mirrored) + sum(straight) == 40 and 8 < sum(mirrored) < 32


def share_seen(crop, size, shape=(200, 300)):
    """The share of the width and of the height of a picture that crops show."""
    rows, columns = np.meshgrid(*map(np.arange, shape), indexing="ij")
    image = np.stack([rows * 255 / shape[0], columns * 255 / shape[1], rows], -1)
    function = augmentation(size, crop, **PLAIN)
    found = [augmented(function, image.astype(np.uint8), s) for s in range(80)]
    heights = [np.ptp(x[..., 0]) / 255 for x in found]
    widths = [np.ptp(x[..., 1]) / 255 for x in found]
    return np.array(heights), np.array(widths)


def test_resized_parts_have_the_areas_and_shapes_asked_for():
    heights, widths = share_seen(Resized((0.25, 0.5)), (64, 64))
    areas = heights * widths
    assert 0.2 < areas.min() < 0.3 and 0.4 < areas.max() < 0.55
    ratios = widths * 300 / (heights * 200)
    assert 0.7 < ratios.min() < 0.85 and 1.2 < ratios.max() < 1.4


def test_scaled_squares_are_a_part_of_the_shorter_side():
    """64 of 80 to 128 pixels of a side of 200: squares of 100 to 160."""
    heights, widths = share_seen(Scaled((80, 128)), (64, 64))
    np.testing.assert_allclose(heights * 200, widths * 300, atol=8)
    assert 95 < heights.min() * 200 < 110 and 145 < heights.max() * 200 < 165


@pytest.mark.parametrize("size", [(12, 9), (6, 5), (30, 31)])
def test_a_warp_that_moves_nothing_is_the_resize(size):
    found = warp(tf.constant(PICTURE), tf.eye(3), size)
    expected = tf.image.resize(PICTURE, size)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_lighting_is_krizhevskys_sum():
    """By hand, for draws (1, 0, 0) and 0.1: 0.1 * 0.2175 * 255 along the first."""
    found = relight(tf.fill([2, 2, 3], 100.0), tf.constant([1.0, 0.0, 0.0]), 0.1)
    step = 5.54625 * np.array([-0.5675, -0.5808, -0.5836])
    np.testing.assert_allclose(found, np.broadcast_to(100 + step, (2, 2, 3)), rtol=1e-5)


def test_the_directions_of_lighting_are_orthonormal():
    product = classification.DIRECTIONS.T @ classification.DIRECTIONS
    np.testing.assert_allclose(product, np.eye(3), atol=2e-3)


def test_cutout_is_a_square_that_may_stick_out():
    image = tf.zeros((10, 14, 3))
    found = cut_out(image, [0.5, 0.5], 4)
    rows, columns = np.nonzero(found.numpy()[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 6, 5, 8)
    corner = cut_out(image, [0.0, 0.99], 4).numpy()[..., 0]
    rows, columns = np.nonzero(corner)
    assert (rows.max(), columns.min()) == (1, 11) and len(rows) == 2 * 3


def test_the_same_seed_is_the_same_picture_and_another_is_not():
    function = augmentation(16, policy=RandAugment(), lighting=0.1, cutout=4)
    first, again, other = (augmented(function, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 10


def test_a_stream_may_begin_anywhere():
    source = kzoo.data.open("digits", "train", task="classification")
    settings = {
        "training": True,
        "augment": augmentation(16, Padded(2), policy=RandAugment()),
        "mix": Mix(10, 0.4, 1.0),
        "seed": 5,
    }
    whole = kzoo.data.batches(source, 8, 16, **settings).take(4)
    later = kzoo.data.batches(source, 8, 16, start_step=3, **settings)
    last, first = list(whole)[-1], next(iter(later))
    for name in last:
        np.testing.assert_array_equal(last[name], first[name])
