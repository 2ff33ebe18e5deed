"""SSD's matching: no box goes without an anchor."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops.anchors import Anchors
from kzoo.ops.multibox import multibox_match, multibox_targets, own_anchors

ALL = np.ones((1, 3), bool)
# Five anchors (rows), three boxes.
TABLE = np.array(
    [
        [
            [0.6, 0.7, 0.0],
            [0.5, 0.8, 0.0],  # boxes 0 and 1 both want the first two
            [0.1, 0.45, 0.0],
            [0.4, 0.0, 0.1],
            [0.2, 0.39, 0.2],
        ]
    ],
    "float32",
)


def named(found):
    """Box of each positive anchor of the first picture, None of others."""
    assert not np.any(found.ignored)
    index, positive = np.asarray(found.index)[0], np.asarray(found.positive)[0]
    return [int(i) if p else None for i, p in zip(index, positive)]


def test_by_hand():
    """Box 1 takes anchor 1, where its IoU is the largest of all, box 0 the best that is
    left, anchor 0, though that overlaps box 1 more; box 2 its own weak one."""
    assert named(multibox_match(TABLE, ALL)) == [0, 1, None, None, 2]


def test_the_threshold_counts_too():
    found = named(multibox_match(TABLE, ALL, positive=0.45))
    assert found == [0, 1, 1, None, 2]


def test_two_boxes_with_one_best_anchor_both_get_one():
    """In torchvision box 0 would be left without."""
    table = np.array([[[0.3, 0.4], [0.2, 0.1], [0.0, 0.0]]], "float32")
    assert named(multibox_match(table, ALL[:, :2])) == [1, 0, None]


def test_a_box_that_no_anchor_touches_gets_none():
    table = np.array([[[0.0, 0.6], [0.0, 0.1]]], "float32")
    assert named(multibox_match(table, ALL[:, :2])) == [1, None]


def test_more_boxes_than_anchors():
    table = np.array([[[0.1, 0.3, 0.2], [0.4, 0.2, 0.1]]], "float32")
    assert named(multibox_match(table, ALL)) == [1, 0]
    np.testing.assert_array_equal(own_anchors(table), [[1, 0, -1]])


def test_padding_is_no_box():
    valid = np.array([[False, True, False]])
    assert named(multibox_match(TABLE, valid)) == [1, 1, None, None, None]
    assert named(multibox_match(TABLE, ~ALL)) == [None] * 5


def test_no_rows_for_boxes_at_all():
    assert named(multibox_match(TABLE[..., :0], ALL[:, :0])) == [None] * 5


def slow_own_anchors(iou):
    """Of one picture: the largest pair, then the largest among the rest, ..."""
    iou = iou.copy()
    own = np.full(iou.shape[1], -1)
    while iou.max() > 0:
        anchor, box = np.unravel_index(iou.argmax(), iou.shape)
        own[box] = anchor
        iou[anchor], iou[:, box] = -1, -1
    return own


@pytest.mark.parametrize("boxes", [1, 5, 40])
@pytest.mark.parametrize("jit", [False, True])
def test_own_anchors_are_those_of_a_slow_loop(boxes, jit):
    """Random tables, most of them zeros as most anchors are far from a box."""
    random = np.random.default_rng(boxes)
    iou = random.uniform(0, 1, (6, 30, boxes)).astype("float32")
    iou[random.uniform(size=iou.shape) < 0.8] = 0
    found = np.asarray(tf.function(own_anchors, jit_compile=jit)(iou))
    for ours, table in zip(found, iou):
        np.testing.assert_array_equal(ours, slow_own_anchors(table))


def test_targets_by_hand():
    """Two anchors 32 px wide; the box is 4 px right of the first, as large as it."""
    anchors = Anchors((32,), [[(32, 32)]])(32, 64)
    goal = multibox_targets(
        anchors,
        np.array([[[4, 0, 36, 32]]], "float32"),
        np.array([[7]]),
        np.array([[True]]),
        variances=(0.1, 0.1, 0.2, 0.2),
    )
    np.testing.assert_array_equal(goal["labels"], [[7, 0]])
    np.testing.assert_array_equal(goal["positive"], [[True, False]])
    expected = [[[1.25, 0, 0, 0], [0, 0, 0, 0]]]
    np.testing.assert_allclose(goal["deltas"], expected, atol=1e-5)


def test_two_hundred_boxes_and_one_larger_than_the_picture():
    """Each of 200 small boxes has an anchor of its own; the large one has one too."""
    anchors = Anchors((4, 8), [[(4, 4), (8, 8)], [(16, 16)]])(80, 80)
    random = np.random.default_rng(0)
    corners = random.uniform(0, 72, (1, 200, 2))
    boxes = np.concatenate([corners, corners + 6], axis=-1)
    boxes[0, 0] = [-100, -100, 200, 200]
    goal = multibox_targets(
        anchors, boxes, np.arange(200)[None], np.ones((1, 200), bool), (1, 1, 1, 1)
    )
    labels = np.asarray(goal["labels"])[np.asarray(goal["positive"])]
    assert set(labels) == set(range(200))
    assert np.all(np.isfinite(goal["deltas"]))
