"""Random perspective: boxes and masks stay with the paint, and all ranges are used."""

import numpy as np
import pytest

from kzoo.data.augmentation.perspective import Perspective
from tests.data.augmentation.painting import (
    BOXES,
    assert_boxes_follow,
    in_graph,
    painted,
)

SIZE = (64, 80)
NONE = {"rotation": 0.0, "shear": 0.0, "tilt": 0.0, "horizontal": 0.0, "colour": 0.0}


def test_boxes_masks_and_labels_follow():
    function = in_graph(
        Perspective(SIZE, rotation=40.0, tilt=0.3, vertical=0.5, colour=0.0)
    )
    assert_boxes_follow(function, SIZE, 50, least=80, of_picture=2, of_mask=1)


def test_without_any_of_it_it_is_the_letterbox_in_the_middle():
    """34 x 48 in 64 x 80: 56.67 rows of 80."""
    example = painted(34, 48, BOXES)
    result = in_graph(Perspective(SIZE, scale=(1.0, 1.0), **NONE))(example, (0, 0))
    height = 34 * 80 / 48
    y = result["boxes"][0, 1] - BOXES[0][1] * 80 / 48
    assert 0 <= y <= 64 - height
    expected = np.array(BOXES) * 80 / 48 + [0, y, 0, y]
    np.testing.assert_allclose(result["boxes"], expected, atol=0.5)
    beside = result["image"][int(np.ceil(y + height)) :]
    assert not beside.any()


def test_the_size_jitters_within_its_range():
    """A white square at 0.5 to 1 of its size covers 1/4 to all of the canvas."""
    example = painted(20, 20, [])
    example["image"] = example["image"] + np.uint8(255)
    settings = {**NONE, "scale": (0.5, 1.0)}
    function = in_graph(Perspective((80, 80), **settings))
    shares = [function(example, (1, i))["image"].mean() / 255 for i in range(50)]
    assert 0.24 < min(shares) < 0.35 and 0.8 < max(shares) <= 1


def test_colours_change_where_a_picture_is_and_not_beside_it():
    example = painted(20, 20, [])
    example["image"] = example["image"] + np.uint8(100)
    settings = {**NONE, "scale": (0.5, 0.5), "colour": 0.5}
    result = in_graph(Perspective((80, 80), **settings))(example, (0, 3))
    assert np.sum(result["image"].max(-1) > 0) == 40 * 40
    assert abs(result["image"].max() - 100) > 1


def test_a_tilt_that_turns_a_picture_over_is_refused():
    with pytest.raises(ValueError, match="tilt is 0.5; it can be from 0 to below 0.5"):
        Perspective(SIZE, tilt=0.5)


def test_same_seed_same_picture():
    function = in_graph(Perspective(SIZE))
    example = painted(34, 48, BOXES)
    first, again, other = (function(example, (5, i)) for i in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert np.any(first["image"] != other["image"])
