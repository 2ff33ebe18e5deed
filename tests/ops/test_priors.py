"""Priors: k-means by IoU worked by hand, and coverage against all anchors."""

import numpy as np
import pytest

from kzoo.ops.anchors import Anchors, retinanet_anchors, ssd_anchors
from kzoo.ops.priors import (
    best_overlaps,
    first_size,
    fitted,
    k_means,
    mean_iou,
    relative_shapes,
    shape_iou,
)
from tests.ops import slow


def test_shapes_overlap_by_what_they_share():
    """4 x 2 and 2 x 4 share 2 x 2 of 12; 3 x 3 holds 9 of 6 x 6's 36."""
    found = shape_iou([[4, 2], [3, 3]], [[2, 4], [6, 6]])
    expected = [[4 / 12, 8 / 36], [6 / 11, 9 / 36]]
    np.testing.assert_allclose(found, expected)


def test_two_priors_by_hand():
    """Four small and two large: the means of both groups, (11, 10.5) and (95, 110).

    IoU of the small ones with (11, 10.5), of 115.5: 100, 110, 110 and 115.5 of 12 x 11
    = 132 where the box is larger; the mean of the best is what `mean_iou` says.
    """
    small = [[10, 10], [11, 10], [11, 10], [12, 12]]
    large = [[90, 100], [100, 120]]
    priors = k_means(small + large, 2)
    np.testing.assert_allclose(priors, [[11, 10.5], [95, 110]])
    overlaps = [
        100 / 115.5,
        110 / 115.5,
        110 / 115.5,
        115.5 / 144,
        9000 / 10450,
        10450 / 12000,
    ]
    assert mean_iou(small + large, priors) == pytest.approx(np.mean(overlaps))


def test_large_boxes_weigh_no_more_than_small_ones():
    """By squared distance the two of 400 and 500 would part first, and 10 x 40 would
    lie with 40 x 10; by IoU it is the small ones that differ."""
    shapes = [[10, 40]] * 5 + [[40, 10]] * 5 + [[400, 400], [480, 480]]
    np.testing.assert_allclose(k_means(shapes, 3), [[10, 40], [40, 10], [440, 440]])


def test_as_many_priors_as_shapes_are_the_shapes():
    shapes = [[5, 9], [30, 20], [80, 80]]
    np.testing.assert_allclose(k_means(shapes * 4, 3), shapes)
    assert mean_iou(shapes, k_means(shapes, 3)) == 1


def test_more_priors_fit_better_and_the_seed_decides():
    rng = np.random.default_rng(0)
    shapes = np.exp(rng.normal(3, 1, (500, 2)))
    means = [mean_iou(shapes, k_means(shapes, k, seed=1)) for k in (1, 2, 4, 8, 16)]
    assert np.all(np.diff(means) > 0.02)
    np.testing.assert_array_equal(k_means(shapes, 5, 3), k_means(shapes, 5, 3))


@pytest.mark.parametrize("k", [0, 3])
def test_no_more_priors_than_different_shapes(k):
    with pytest.raises(ValueError, match=f"{k} priors of boxes that have 2 different"):
        k_means([[1, 2], [3, 4], [1, 2]], k)


def test_shapes_in_strides_of_the_level_of_their_size():
    """Levels of 8 and 16 px from twice their stride up: 16 and 32 px."""
    shapes = [[8, 8], [16, 16], [20, 30], [64, 16], [32, 32], [90, 160]]
    expected = [[1, 1], [2, 2], [2.5, 3.75], [4, 1], [2, 2], [5.625, 10]]
    np.testing.assert_allclose(relative_shapes(shapes, (8, 16), 2.0), expected)


def test_fitted_anchors_lie_on_the_same_grids_and_in_the_picture():
    like = Anchors((8, 16), (((16, 16),), ((32, 32),)), offset=0.0, stretch=True)
    assert first_size(like) == 2
    shapes = [[16, 24], [32, 48], [192, 20], [96, 10]] * 3
    made, priors = fitted(shapes, 2, like, size=(100, 150))
    np.testing.assert_allclose(priors, [[2, 3], [12, 1.25]])
    assert made.strides == like.strides and made.offset == 0 and made.stretch
    assert made.shapes == (((16, 24), (96, 10)), ((32, 48), (150, 20)))


@pytest.mark.parametrize(
    "anchors",
    [
        retinanet_anchors(2.0),
        Anchors((8, 32), (((12, 30),), ((50, 20), (9, 9))), offset=0.0),
        ssd_anchors(90, (8, 16), (0.2, 0.5, 0.9), ((2,), (2, 3)), stretch=True),
    ],
    ids=["retinanet", "corners", "stretched"],
)
def test_the_best_overlap_is_that_with_all_anchors(anchors):
    rng = np.random.default_rng(0)
    height, width = 90, 130
    corners = rng.uniform(-20, [width + 20, height + 20], (60, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], -1)
    found = best_overlaps(boxes, anchors, height, width)
    every = anchors(height, width).astype(float)
    expected = [max(slow.iou(box, anchor) for anchor in every) for box in boxes]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert min(expected) < 0.2 and max(expected) > 0.5


def test_no_boxes_have_no_overlaps():
    assert best_overlaps(np.zeros((0, 4)), retinanet_anchors(), 64, 64).shape == (0,)
