"""Boxes are compared with what is painted: each label has a colour of its own."""

import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from kzoo.data.augmentation import classification, detection, pieces
from kzoo.ops.images import letterbox
from tests.data.augmentation.painting import (
    BOXES,
    assert_boxes_follow,
    extent,
    in_graph,
    painted,
)


@pytest.mark.parametrize("size", [(64, 64), (40, 72)])
def test_boxes_masks_and_labels_follow_the_picture(size):
    function = in_graph(detection.augmentation(size, (0.5, 2), vertical=0.5, colour=0))
    assert_boxes_follow(function, size, seeds=60, least=100)


def test_a_box_is_left_out_where_little_of_it_is_left():
    """The cut is the right half of 40 columns; 1/2 and 1/10 of the boxes remain."""
    example = painted(40, 40, [(10, 0, 30, 40), (2, 0, 22, 40)])
    still = tf.fill([4], 0.5)
    result = pieces.jitter(example, (40, 40), 2.0, [0.0, 0.999], still, 0)
    np.testing.assert_allclose(result["boxes"], [[0, 0, 20, 40]])
    assert result["labels"].numpy().tolist() == [0]


@pytest.mark.parametrize("size", [(64, 48), (30, 90), (17, 17)])
def test_without_jitter_it_is_the_letterbox(size):
    """What is evaluated and shipped is what was trained."""
    example = painted(34, 48, BOXES)
    still = tf.fill([4], 0.5)
    result = pieces.jitter(example, size, 1.0, [0.0, 0.0], still, 0)
    image, scale = letterbox(example["image"], *size)
    np.testing.assert_allclose(result["image"], image, atol=1e-3)
    expected = np.array(BOXES) * np.tile(scale, 2)
    np.testing.assert_allclose(result["boxes"], expected, rtol=1e-5)


def test_the_size_jitters_within_its_range():
    """A white square at 0.5 to 1 of its size covers 1/4 to all of the canvas."""
    example = painted(20, 20, [])
    example["image"] = tf.fill([20, 20, 3], np.uint8(255))
    function = in_graph(detection.augmentation(80, (0.5, 1.0), colour=0))
    shares = [function(example, (1, i))["image"].mean() / 255 for i in range(60)]
    assert 0.24 < min(shares) < 0.35 and 0.8 < max(shares) <= 1


@pytest.mark.parametrize("boxes", [[], [(0, 0, 1, 1)], [(0, 0, 48, 34)]])
def test_no_box_the_smallest_and_the_largest(boxes):
    result = in_graph(detection.augmentation(32))(painted(34, 48, boxes), (0, 0))
    assert np.isfinite(result["image"]).all()
    assert np.all(result["boxes"] >= 0) and np.all(result["boxes"] <= 32)


def test_one_pixel():
    result = in_graph(detection.augmentation(32))(painted(1, 1, [(0, 0, 1, 1)]), (0, 0))
    assert result["image"].shape == (32, 32, 3) and len(result["boxes"]) == 1


def test_same_seed_same_picture():
    function = in_graph(detection.augmentation(32))
    example = painted(34, 48, BOXES)
    first, again, other = (function(example, (5, i)) for i in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert np.any(first["image"] != other["image"])


@pytest.mark.parametrize("axis, name", [(1, np.fliplr), (0, np.flipud)])
def test_flips(axis, name):
    example = painted(34, 48, BOXES)
    result = pieces.flip(example, tf.constant(True), axis)
    np.testing.assert_array_equal(result["image"], name(example["image"].numpy()))
    for box, mask in zip(result["boxes"].numpy(), result["masks"].numpy()):
        np.testing.assert_array_equal(box, extent(mask))
    same = pieces.flip(example, tf.constant(False), axis)
    np.testing.assert_array_equal(same["boxes"], example["boxes"])


def recoloured(pixel, draws, strength):
    image = tf.constant([[pixel]], tf.float32)
    return pieces.recolour(image, tf.constant(draws), strength).numpy()[0, 0]


def test_colours_stay_at_one_half():
    np.testing.assert_allclose(
        recoloured([9, 99, 199], [0.5] * 4, 0.4), [9, 99, 199], rtol=1e-4
    )


@pytest.mark.parametrize(
    "draws, strength, expected",
    [
        # Brightness by 0.25 * 128.
        ([1.0, 0.5, 0.5, 0.5], 0.25, [132, 82, 52]),
        # No saturation: 0.213 * 100 + 0.715 * 50 + 0.072 * 20 = 58.49 in each.
        ([0.5, 0.5, 0.0, 0.5], 1.0, [58.49] * 3),
        # Contrast: twice the distance from the mean of the (one-pixel) picture, 58.49.
        ([0.5, 1.0, 0.5, 0.5], 1.0, [141.51, 41.51, 0]),
    ],
)
def test_colours_by_hand(draws, strength, expected):
    np.testing.assert_allclose(
        recoloured([100, 50, 20], draws, strength), expected, atol=0.02
    )


def test_hue_keeps_grey_and_brightness_and_turns_back():
    np.testing.assert_allclose(
        recoloured([70] * 3, [0.5, 0.5, 0.5, 1], 0.5), [70] * 3, rtol=1e-3
    )
    turned = recoloured([120, 90, 100], [0.5, 0.5, 0.5, 1], 0.5)
    weights = [0.213, 0.715, 0.072]
    np.testing.assert_allclose(
        turned @ weights, np.dot([120, 90, 100], weights), rtol=1e-3
    )
    assert np.abs(turned - [120, 90, 100]).max() > 5
    back = recoloured(turned, [0.5, 0.5, 0.5, 0], 0.5)
    np.testing.assert_allclose(back, [120, 90, 100], atol=0.3)


def test_padding_stays_black():
    example = painted(20, 20, [])
    example["image"] = tf.fill([20, 20, 3], np.uint8(200))
    result = in_graph(detection.augmentation(64, (0.5, 0.5), colour=0.5))(
        example, (0, 3)
    )
    assert np.sum(result["image"].max(-1) > 0) == 32 * 32


def test_classification_keeps_the_label_and_fills_the_picture():
    example = {"image": tf.fill([9, 50, 3], np.uint8(200)), "label": tf.constant(3)}
    function = classification.augmentation((24, 32), colour=0)
    for seed in range(5):
        result = function(example, tf.constant([0, seed], tf.int64))
        assert result["image"].shape == (24, 32, 3) and int(result["label"]) == 3
        np.testing.assert_allclose(result["image"], 200)


def test_a_scene_keeps_its_boxes_through_the_usual_augmentation(scenes):
    rows = tf.data.Dataset.range(50).map(scenes.example)
    before = sum(len(row["boxes"]) for row in rows)
    batch = next(iter(kzoo.data.batches(scenes, 50, 160, training=True)))
    assert 0.7 * before < np.sum(batch["targets"]["valid"]) <= before
