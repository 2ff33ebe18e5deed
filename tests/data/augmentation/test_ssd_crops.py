"""SSD's crops: what is cut out obeys its overlap, and boxes are where the paint is."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo.data.augmentation import ssd_crops
from kzoo.data.augmentation.ssd_crops import SsdCrops
from tests.data.augmentation.painting import (
    BOXES,
    assert_boxes_follow,
    in_graph,
    painted,
)

SIZE = (80, 96)


def seeded(seed):
    return tf.constant([0, seed], tf.int64)


def test_overlaps_by_hand():
    parts = tf.constant([[[0.0, 0, 10, 10]], [[5.0, 5, 15, 15]]])
    boxes = tf.constant([[0.0, 0, 10, 5], [5.0, 0, 15, 10], [20.0, 20, 30, 30]])
    # 50 of 100; 50 of 150; none. None; 50 of 150; none.
    expected = [[[0.5, 1 / 3, 0]], [[0, 1 / 3, 0]]]
    np.testing.assert_allclose(ssd_crops.overlaps(parts, boxes), expected, rtol=1e-6)


def test_parts_lie_in_the_frame_with_the_sizes_and_shapes_of_the_code():
    frame = tf.constant([-10.0, -20.0, 90.0, 180.0])
    drawn = np.concatenate(
        [ssd_crops.parts(frame, seeded(i)).numpy().reshape(-1, 4) for i in range(4)]
    )
    assert (drawn >= frame.numpy()[[0, 1, 0, 1]] - 1e-3).all()
    assert (drawn <= frame.numpy()[[2, 3, 2, 3]] + 1e-3).all()
    sides = (drawn[:, 2:] - drawn[:, :2]) / [100, 200]
    scale, ratio = np.sqrt(sides.prod(1)), sides[:, 0] / sides[:, 1]
    assert 0.299 < scale.min() < 0.31 and 0.98 < scale.max() <= 1.001
    assert 0.499 < ratio.min() < 0.51 and 1.9 < ratio.max() <= 2.001


def test_each_choice_obeys_its_overlap_and_all_are_chosen():
    frame = tf.constant([0.0, 0, 40, 40])
    box = np.float32([[10, 10, 38, 38]])
    found = []
    for i in range(120):
        candidates = ssd_crops.parts(frame, seeded(i))
        part = ssd_crops.choose(candidates, tf.constant(box), frame, seeded(i))
        overlap = ssd_crops.overlaps(part, tf.constant(box)).numpy()[0]
        rows = np.argwhere(np.all(candidates.numpy() == part.numpy(), axis=-1))
        found.append(rows[0, 0] if len(rows) else -1)
        if len(rows):
            assert overlap >= ssd_crops.OVERLAPS[rows[0, 0]]
            earlier = ssd_crops.overlaps(candidates[rows[0, 0]], box)[: rows[0, 1]]
            assert np.all(earlier < ssd_crops.OVERLAPS[rows[0, 0]])
        else:
            np.testing.assert_array_equal(part, frame)
    counts = [found.count(kind) for kind in (-1, 0, 1, 2, 3, 5)]
    # Each of those that can be had as often; 0.9 is seldom found in 50 trials.
    assert min(counts) > 8 and max(counts) < 45


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), [[50.0, 50, 50, 50]]])
def test_without_an_object_to_hold_all_is_kept(boxes):
    frame = tf.constant([0.0, 0, 40, 40])
    candidates = ssd_crops.parts(frame, seeded(0))
    if not len(boxes):
        part = ssd_crops.choose(
            candidates, tf.constant(boxes, "float32"), frame, [0, 1]
        )
        np.testing.assert_array_equal(part, frame)
    else:
        # A box without area has no overlap: only "any" is obeyed by it.
        has = ssd_crops.overlaps(candidates, tf.constant(boxes, "float32"))
        assert not np.any(has)


def test_boxes_masks_and_labels_follow():
    function = in_graph(SsdCrops(SIZE, colour=False, vertical=0.5))
    assert_boxes_follow(function, SIZE, seeds=60, least=80)


def test_a_box_stays_where_its_middle_does():
    """The left half of the picture; the middle of the second box is just beyond it."""
    boxes = tf.constant([[10.0, 0, 29, 10], [10.0, 0, 31, 10]])
    inside = ssd_crops._middles_inside(boxes, tf.constant([0.0, 0, 20, 40]))
    assert inside.numpy().tolist() == [True, False]


def test_half_of_the_pictures_shrink_on_the_mean():
    example = painted(20, 20, [])
    example["image"] = tf.fill([20, 20, 3], np.uint8(255))
    function = in_graph(SsdCrops((40, 40)))
    shares, fill = [], np.array(ssd_crops.MEAN)
    for seed in range(80):
        image = function(example, (1, seed))["image"]
        shares.append(1 - np.isclose(image, fill).all(-1).mean())
    # From 1 to 1/16 of the area; no box, hence no crop.
    assert 0.055 < min(shares) < 0.09 and 0.3 < np.mean(np.array(shares) == 1) < 0.7


def test_same_seed_same_picture():
    function = in_graph(SsdCrops(SIZE))
    example = painted(34, 48, BOXES)
    first, again, other = (function(example, (5, i)) for i in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert np.any(first["image"] != other["image"])


def test_one_pixel():
    result = in_graph(SsdCrops(SIZE))(painted(1, 1, [(0, 0, 1, 1)]), (0, 0))
    assert result["image"].shape == (*SIZE, 3)
    assert np.isfinite(result["image"]).all()
