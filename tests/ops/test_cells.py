"""Cells of a grid, and whose they are."""

import numpy as np
import pytest

from kzoo.ops import cells

SIZE = (64, 96)


def test_a_grid_is_of_whole_cells():
    assert cells.grid(SIZE, 32) == (2, 3)
    for size in [(60, 96), (64, 97), (0, 32), (None, 32)]:
        with pytest.raises(ValueError, match=f"32 pixels a side, not {size[0]}x"):
            cells.grid(size, 32)


def test_corners_go_row_by_row():
    expected = [[0, 0], [32, 0], [64, 0], [0, 32], [32, 32], [64, 32]]
    np.testing.assert_array_equal(cells.corners(SIZE, 32), expected)


@pytest.mark.parametrize(
    "box, cell",
    [
        ((0, 0, 2, 2), 0),
        ((31, 0, 33, 2), 1),  # its centre is on the line: the cell that begins there
        ((0, 31, 2, 33), 3),
        ((95, 63, 96, 64), 5),
        ((96, 64, 96, 64), 5),  # on the corner of the picture
        ((90, 0, 102, 10), 2),  # centred on the right side
        ((0, 0, 96, 64), 4),
    ],
)
def test_the_cell_of_a_box_is_its_centres(box, cell):
    assert int(cells.cell_of(np.float32([[box]]), SIZE, 32)[0, 0]) == cell


def objects(boxes, valid=None):
    boxes = np.float32(boxes).reshape(1, -1, 4)
    valid = np.ones(boxes.shape[:2], bool) if valid is None else np.array([valid])
    labels = np.ones(boxes.shape[:2], "int32")
    targets = {"boxes": boxes, "labels": labels, "valid": valid}
    return cells.objects(targets, SIZE)


def test_boxes_end_where_the_picture_does():
    found = objects([[-10, -1000, 200, 1000], [50, 60, 70, 80]])
    np.testing.assert_array_equal(found.boxes[0], [[0, 0, 96, 64], [50, 60, 70, 64]])
    assert np.all(found.valid)


def test_what_has_no_area_in_the_picture_is_no_object():
    nothing = [[5, 5, 5, 5], [5, 5, 5, 9], [9, 9, 3, 3], [96, 0, 99, 9], [-9, 0, 0, 9]]
    assert not np.any(objects(nothing).valid)
    assert not np.any(objects([[0, 0, 9, 9]], valid=[False]).valid)
    none = objects(np.zeros((0, 4)))
    assert none.boxes.shape == (1, 1, 4) and not np.any(none.valid)


def test_the_first_or_the_last_box_has_a_place():
    places, valid = np.int32([[2, 0, 2, 2, 3]]), np.array([[1, 1, 1, 1, 0]], bool)
    index, taken = cells.owners(places, valid, 4)
    np.testing.assert_array_equal(taken, [[True, False, True, False]])
    assert int(index[0, 0]) == 1 and int(index[0, 2]) == 0
    index, taken = cells.owners(places, valid, 4, last=True)
    np.testing.assert_array_equal(taken, [[True, False, True, False]])
    assert int(index[0, 0]) == 1 and int(index[0, 2]) == 3


def test_owners_against_a_loop():
    random = np.random.default_rng(0)
    places = random.integers(0, 50, (3, 200)).astype("int32")
    valid = random.random((3, 200)) < 0.6
    for last in (False, True):
        index, taken = (np.asarray(x) for x in cells.owners(places, valid, 60, last))
        for picture in range(3):
            slow = {}
            for box in range(200)[:: 1 if last else -1]:
                if valid[picture, box]:
                    slow[places[picture, box]] = box
            assert set(np.flatnonzero(taken[picture])) == set(slow)
            assert all(index[picture, place] == slow[place] for place in slow)
