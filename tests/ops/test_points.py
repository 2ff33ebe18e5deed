"""Points: where they lie, and which box each answers for."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops.points import Points, assign, centerness, point_targets

# Two levels: 8 px apart for sides up to 16 px away, 16 px apart for all beyond.
FEW = Points(strides=(8, 16), reach=2.0)
SIZE = (32, 32)
INF = math.inf


def test_points_lie_in_the_middle_of_their_cells():
    expected = [[4, 4, 8], [12, 4, 8], [20, 4, 8], [4, 12, 8], [12, 12, 8], [20, 12, 8]]
    expected += [[8, 8, 16], [24, 8, 16]]
    np.testing.assert_array_equal(FEW(16, 24), expected)
    corners = Points((8,), offset=0.0)(8, 16)
    np.testing.assert_array_equal(corners, [[0, 0, 8], [8, 0, 8]])


def test_a_picture_that_no_stride_divides_has_a_point_for_each_cell_begun():
    assert FEW.counts(17, 9) == (3 * 2, 2 * 1)
    assert len(FEW(17, 9)) == len(FEW.ranges(17, 9)) == 8


def test_the_papers_ranges():
    """Section 3.2: 0, 64, 128, 256, 512 and infinity."""
    points = Points()
    ranges = np.unique(points.ranges(128, 128), axis=0)
    ends = [0, 64, 128, 256, 512, INF]
    np.testing.assert_array_equal(ranges, list(zip(ends, ends[1:])))
    assert points.ranges(128, 128).shape == (256 + 64 + 16 + 4 + 1, 2)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"strides": (8, 8)}, "grow, not"),
        ({"strides": (16, 8)}, "grow, not"),
        ({"strides": ()}, "grow, not"),
        ({"strides": (0, 8)}, "from 1|whole pixels"),
        ({"reach": 0}, "reach is 0"),
        ({"reach": -1.0}, "reach is -1.0"),
    ],
)
def test_points_that_make_no_sense_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Points(**arguments)


def owners(boxes, valid=None, radius=0.0, points=FEW, size=SIZE):
    """(N,) box of each point of one picture, -1 for none."""
    boxes = np.array([boxes], "float32").reshape((1, -1, 4))
    valid = np.ones(boxes.shape[:2], bool) if valid is None else np.array([valid])
    found = assign(points(*size), points.ranges(*size), boxes, valid, radius)
    return np.where(found.positive, found.index, -1)[0]


def where(owned, box):
    """(x, y) of the points that answer for `box`."""
    return FEW(*SIZE)[owned == box, :2].tolist()


def test_points_inside_of_a_box_answer_for_it_if_they_see_its_sides():
    """From (4, 4) the right side is 11 px away; (12, 4) and (12, 12) lie within too.
    From (8, 8) of the second level it is 7, too near for that."""
    assert where(owners([[0, 0, 15, 15]]), 0) == [[4, 4], [12, 4], [4, 12], [12, 12]]


def test_a_side_is_no_inside():
    assert where(owners([[4, 0, 12, 15]]), 0) == []
    assert where(owners([[3.9, 0, 12, 15]]), 0) == [[4, 4], [4, 12]]


def test_a_distance_at_the_end_of_a_range_belongs_to_both_levels():
    """Section 3.2 leaves out what is greater than the end, and what is less."""
    # Of the first level (12, 4) sees 12 px both ways and (4, 4) 20, too far; from
    # (8, 8) of the second the right side is 16 away, as from (20, 4)'s left 20.
    assert where(owners([[0, 0, 24, 15]]), 0) == [[12, 4], [12, 12], [8, 8]]


def test_of_two_boxes_the_smaller_wins_whatever_their_order():
    large, small = [0, 0, 20, 20], [0, 0, 14, 14]
    first = owners([large, small])
    assert where(first, 1) == where(owners([small]), 0)
    np.testing.assert_array_equal(where(owners([small, large]), 0), where(first, 1))


def test_equal_boxes_belong_to_the_first():
    assert set(owners([[0, 0, 14, 14]] * 3)) == {-1, 0}


def test_centre_sampling_takes_what_is_near_the_middle():
    """The middle is (16, 16): with a radius of 1 points less than 8 px away in x and
    y, of the second level less than 16 px."""
    box = [0, 0, 32, 32]
    assert where(owners([box]), 0) == [[8, 8], [24, 8], [8, 24], [24, 24]]
    reach = Points((8, 16), reach=4.0)
    sampled = owners([box], radius=1.0, points=reach)
    near = reach(*SIZE)[sampled == 0, :2].tolist()
    assert near == [[12, 12], [20, 12], [12, 20], [20, 20]]


def test_a_box_without_a_point_has_none():
    """Smaller than a cell, without area, turned, outside of the picture."""
    for box in ([5, 5, 7, 7], [12, 12, 12, 12], [20, 20, 4, 4], [-9, -9, -1, -1]):
        assert set(owners([box])) == {-1}


def test_a_box_larger_than_the_picture_belongs_to_the_last_level():
    owned = owners([[-500, -500, 900, 900]])
    np.testing.assert_array_equal(owned, [-1] * 16 + [0] * 4)


def slow_assign(points, ranges, boxes, valid, radius):
    owned = []
    for (x, y, stride), (near, far) in zip(points, ranges):
        best, owner = INF, -1
        for j, (x1, y1, x2, y2) in enumerate(boxes):
            sides = [x - x1, y - y1, x2 - x, y2 - y]
            fits = valid[j] and min(sides) > 0 and near <= max(sides) <= far
            if radius:
                fits &= abs(x - (x1 + x2) / 2) < radius * stride
                fits &= abs(y - (y1 + y2) / 2) < radius * stride
            if fits and (x2 - x1) * (y2 - y1) < best:
                best, owner = (x2 - x1) * (y2 - y1), j
        owned.append(owner)
    return owned


@pytest.mark.parametrize("radius", [0.0, 1.5])
def test_random_boxes_as_a_plain_loop_assigns_them(radius):
    """200 boxes in each of three pictures; whole pixels, so that nothing is rounded."""
    rng = np.random.default_rng(0)
    corners = rng.integers(-10, 140, (3, 200, 2, 2))
    boxes = np.concatenate([corners.min(2), corners.max(2)], -1).astype("float32")
    valid = rng.random((3, 200)) < 0.5
    points = Points((8, 16, 32), reach=3.0)
    places, ranges = points(96, 130), points.ranges(96, 130)
    found = assign(places, ranges, boxes, valid, radius)
    for i in range(3):
        expected = slow_assign(places, ranges, boxes[i], valid[i], radius)
        owned = np.where(found.positive[i], found.index[i], -1)
        np.testing.assert_array_equal(owned, expected)
        assert len(set(expected)) > 20


def test_centerness_by_hand():
    """Equation 3: sides 1 and 3 away, and 2 and 8: the root of 1/3 times 1/4."""
    points = np.array([[11, 22, 8], [5, 5, 8]], "float32")
    boxes = np.array([[10, 20, 14, 30], [0, 0, 10, 10]], "float32")
    expected = [math.sqrt(1 / 12), 1.0]
    np.testing.assert_allclose(centerness(points, boxes), expected, rtol=1e-6)


def test_targets_by_hand():
    """Of (4, 4) in (0, 0, 15, 15): 4 and 11 away, twice."""
    goal = point_targets(
        FEW(*SIZE),
        FEW.ranges(*SIZE),
        np.array([[[0, 0, 15, 15], [0, 0, 0, 0]]], "float32"),
        np.array([[3, 9]]),
        np.array([[True, False]]),
    )
    assert np.flatnonzero(goal["positive"][0]).tolist() == [0, 1, 4, 5]
    assert np.unique(goal["labels"][0]).tolist() == [0, 3]
    np.testing.assert_array_equal(goal["boxes"][0, 0], [0, 0, 15, 15])
    assert float(goal["centerness"][0, 0]) == pytest.approx(4 / 11)
    # (28, 28) is nothing: its cell, and no centre-ness.
    np.testing.assert_array_equal(goal["boxes"][0, 15], [24, 24, 32, 32])
    assert float(goal["centerness"][0, 15]) == int(goal["labels"][0, 15]) == 0


@pytest.mark.parametrize("rows", [0, 3])
def test_without_boxes_nothing_is_positive(rows):
    goal = point_targets(
        FEW(*SIZE),
        FEW.ranges(*SIZE),
        np.zeros((2, rows, 4), "float32"),
        np.zeros((2, rows), "int32"),
        np.zeros((2, rows), bool),
    )
    assert not np.any(goal["positive"]) and not np.any(goal["centerness"])
    assert all(np.all(np.isfinite(x)) for x in goal.values())


def test_a_graph_that_does_not_know_how_many_boxes_there_are():
    graph = tf.function(
        lambda *truth: point_targets(FEW(*SIZE), FEW.ranges(*SIZE), *truth),
        input_signature=[
            tf.TensorSpec((None, None, 4)),
            tf.TensorSpec((None, None), "int32"),
            tf.TensorSpec((None, None), "bool"),
        ],
        jit_compile=False,
    )
    empty = graph(tf.zeros((1, 0, 4)), tf.zeros((1, 0), "int32"), tf.zeros((1, 0)) > 0)
    assert not np.any(empty["positive"])
    one = graph([[[0.0, 0, 15, 15]]], [[1]], [[True]])
    assert np.sum(one["positive"]) == 4
