"""One warp a picture: against array operations, a slow obvious loop, and paint."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo.data.augmentation import geometry
from tests.data.augmentation.painting import BOXES, COLOURS, extent, painted

IDENTITY = np.eye(3, dtype=np.float32)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def warped(image, matrix, size, part=None):
    part = (0, 0, image.shape[1], image.shape[0]) if part is None else part
    part = tf.constant(part, tf.float32)
    image, there = geometry.warp(tf.constant(image), tf.constant(matrix), part, size)
    return image.numpy(), there.numpy()


def slow(image, matrix, size, part):
    """Each pixel's middle taken back to the picture, and its four neighbours mixed."""
    height, width = image.shape[:2]
    result, inverse = np.zeros((*size, 3)), np.linalg.inv(np.float64(matrix))
    for row in range(size[0]):
        for column in range(size[1]):
            x, y, depth = inverse @ [column + 0.5, row + 0.5, 1]
            x, y = x / depth, y / depth
            if not (part[0] <= x < part[2] and part[1] <= y < part[3] and depth > 0):
                continue
            left, top = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
            for i in (top, top + 1):
                for j in (left, left + 1):
                    weight = (1 - abs(y - 0.5 - i)) * (1 - abs(x - 0.5 - j))
                    pixel = image[min(max(i, 0), height - 1), min(max(j, 0), width - 1)]
                    result[row, column] += weight * pixel
    return result


def tilted(size):
    """Turned, sheared, scaled and tilted around the middle of a picture of (h, w)."""
    height, width = size
    matrix = geometry.turned(20.0) @ geometry.sheared(10.0, -5.0)
    matrix = matrix @ geometry.scaled(1.3, 0.9)
    matrix = matrix @ geometry.tilted(0.3 / width, -0.2 / height)
    return geometry.around(matrix, (width / 2, height / 2), (14.0, 17.0)).numpy()


def test_identity_changes_nothing():
    image = noise(9, 7)
    result, there = warped(image, IDENTITY, (9, 7))
    np.testing.assert_array_equal(result, image)
    assert there.all()


@pytest.mark.parametrize("across, down", [(True, False), (False, True), (True, True)])
def test_a_flip_is_a_flip(across, down):
    image = noise(9, 7)
    result, _ = warped(image, geometry.mirrored((9, 7), across, down), (9, 7))
    expected = image[:: -1 if down else 1, :: -1 if across else 1]
    np.testing.assert_allclose(result, expected, atol=1e-3)


def test_a_quarter_turn_clockwise_is_that_of_the_array():
    image = noise(9, 7)
    matrix = geometry.shifted(9.0, 0.0) @ geometry.turned(90.0)
    result, _ = warped(image, matrix, (7, 9))
    np.testing.assert_allclose(result, np.rot90(image, -1), atol=2e-3)


def test_a_shift_leaves_nothing_where_the_picture_was():
    image = noise(9, 7)
    result, there = warped(image, geometry.shifted(2.0, 3.0), (9, 7))
    np.testing.assert_allclose(result[3:, 2:], image[:6, :5], atol=1e-3)
    assert not result[:3].any() and not result[:, :2].any()
    assert there.sum() == 30 and there[3:, 2:].all()


def test_a_scale_is_the_resize_of_the_letterbox():
    image = noise(9, 7)
    result, _ = warped(image, geometry.scaled(20 / 7, 30 / 9), (30, 20))
    np.testing.assert_allclose(result, tf.image.resize(image, (30, 20)), atol=2e-3)


@pytest.mark.parametrize("part", [(0, 0, 13, 17), (2, 3.5, 8, 16), (0, 0, 0, 0)])
def test_against_a_slow_warp(part):
    image = noise(17, 13)
    matrix = tilted((17, 13))
    result, there = warped(image, matrix, (40, 31), part)
    expected = slow(image, matrix, (40, 31), part)
    np.testing.assert_allclose(result, expected, atol=0.02)
    assert (there.sum() > 100) == (part[2] > 0)


def test_a_picture_moved_out_of_sight():
    for shift in ((99.0, 0.0), (0.0, -99.0)):
        result, there = warped(noise(9, 7), geometry.shifted(*shift), (9, 7))
        assert not result.any() and not there.any()


def test_what_lies_behind_the_viewer_is_not_seen():
    """Tilted by -0.1 a pixel, the picture from x = 10 on is behind."""
    part = (0, 0, 9, 4)
    result, there = warped(noise(4, 9), geometry.tilted(-0.1, 0.0), (40, 99), part)
    np.testing.assert_array_equal(there[0, :90], 1)
    # x = 9 comes to 90; from the places beyond one would look back through the lens.
    assert not there[:, 90:].any()


def test_boxes_by_hand():
    boxes = tf.constant([[1.0, 2.0, 4.0, 6.0]])
    move = lambda matrix: geometry.move_boxes(boxes, matrix).numpy()[0]
    np.testing.assert_allclose(move(geometry.shifted(2, 3)), [3, 5, 6, 9])
    np.testing.assert_allclose(move(geometry.scaled(2, 0.5)), [2, 1, 8, 3])
    np.testing.assert_allclose(move(geometry.turned(90.0)), [-6, 1, -2, 4], atol=1e-5)
    np.testing.assert_allclose(move(geometry.mirrored((10, 20), True)), [16, 2, 19, 6])
    # x + y, from 1 + 2 to 4 + 6.
    np.testing.assert_allclose(
        move(geometry.sheared(45.0, 0.0)), [3, 2, 10, 6], atol=1e-5
    )
    # Divided by 1 + 0.1 x: 1 / 1.1, 2 / 1.4, 4 / 1.4, 6 / 1.1.
    np.testing.assert_allclose(
        move(geometry.tilted(0.1, 0)), [1 / 1.1, 2 / 1.4, 4 / 1.4, 6 / 1.1], rtol=1e-5
    )


def test_extents_by_hand():
    masks = np.zeros((3, 5, 6), np.uint8)
    masks[0, 1:3, 2:6] = 1
    masks[1, 4, 0] = 1
    boxes = geometry.extents(tf.constant(masks))
    np.testing.assert_array_equal(boxes, [[2, 1, 6, 3], [0, 4, 1, 5], [0, 0, 0, 0]])


def collage(example, matrix, size, with_masks=True, **settings):
    if not with_masks:
        example = {name: x for name, x in example.items() if name != "masks"}
    matrix = tf.constant(matrix)
    placed = geometry.Placed(example, matrix, geometry.whole(example))
    result = geometry.collage([placed], size, 0.0, **settings)
    return {name: x.numpy() for name, x in result.items()}


@pytest.mark.parametrize("angle", range(0, 360, 25))
@pytest.mark.parametrize("with_masks", [True, False])
def test_boxes_and_masks_follow_the_paint(angle, with_masks):
    example = painted(34, 48, BOXES)
    matrix = geometry.turned(float(angle)) @ geometry.scaled(2.0, 1.5)
    matrix = geometry.around(matrix, (24, 17), (60, 60))
    result = collage(example, matrix, (120, 120), with_masks)
    assert result["labels"].tolist() == [0, 1, 2]
    assert result["crowd"].tolist() == [False, True, False]
    for i, box in enumerate(result["boxes"]):
        near = np.abs(result["image"] - COLOURS[i]).max(-1) < 127
        np.testing.assert_allclose(box, extent(near), atol=1.5)
        if with_masks:
            np.testing.assert_allclose(box, extent(result["masks"][i]), atol=1)


def test_a_mask_makes_the_box_of_a_turned_object_smaller():
    """A diamond in its box; turned by 45 degrees it is a square of side 10 sqrt(2), the
    corners of its box another of twice that side."""
    example = painted(40, 40, [(10, 10, 30, 30)])
    rows, columns = np.indices((40, 40)) + 0.5
    diamond = np.abs(rows - 20) + np.abs(columns - 20) < 10
    example["masks"] = tf.constant(diamond[None].astype(np.uint8))
    matrix = geometry.around(geometry.turned(45.0), (20, 20), (20, 20))
    side = lambda box: (box[2] - box[0], box[3] - box[1])
    loose = collage(example, matrix, (40, 40), with_masks=False)["boxes"][0]
    np.testing.assert_allclose(side(loose), 20 * 2**0.5, rtol=1e-4)
    tight = collage(example, matrix, (40, 40))["boxes"][0]
    np.testing.assert_allclose(side(tight), 10 * 2**0.5, atol=1.5)


def test_a_box_of_which_little_is_seen_is_left_out():
    """Moved left by 20: of 20 columns 10, of 10 columns 1 remain."""
    example = painted(40, 40, [(10, 0, 30, 40), (11, 0, 21, 40)])
    matrix = geometry.shifted(-20.0, 0.0)
    result = collage(example, matrix, (40, 40), visible=0.25)
    np.testing.assert_allclose(result["boxes"], [[0, 0, 10, 40]])
    assert result["labels"].tolist() == [0] and result["masks"].shape == (1, 40, 40)
    result = collage(example, matrix, (40, 40), False, visible=0.05)
    np.testing.assert_allclose(result["boxes"], [[0, 0, 10, 40]])  # 1 is too thin


@pytest.mark.parametrize("count", [0, 200])
def test_no_boxes_and_many(count):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 30, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(2, 9, (count, 2))], 1)
    example = {
        "image": tf.constant(noise(40, 40)),
        "boxes": tf.constant(boxes, tf.float32),
        "labels": tf.range(count),
        "crowd": tf.zeros(count, tf.bool),
        "masks": tf.ones((count, 40, 40), tf.uint8),
    }
    result = collage(example, IDENTITY, (40, 40))
    np.testing.assert_allclose(result["boxes"], boxes.astype("float32"), rtol=1e-6)
    assert result["masks"].shape == (count, 40, 40)


def test_boxes_without_area_are_left_out():
    example = painted(40, 40, [(10, 5, 10, 30), (5, 5, 20, 20)])
    result = collage(example, geometry.scaled(2, 2), (80, 80), with_masks=False)
    np.testing.assert_allclose(result["boxes"], [[10, 10, 40, 40]])
    assert result["labels"].tolist() == [1]


def test_one_pixel():
    example = painted(1, 1, [(0, 0, 1, 1)])
    result = collage(example, geometry.scaled(8, 8), (8, 8))
    np.testing.assert_allclose(result["image"], np.tile(COLOURS[0], (8, 8, 1)))
    np.testing.assert_allclose(result["boxes"], [[0, 0, 8, 8]])


def test_two_pictures_side_by_side_leave_no_seam():
    """Halves of one picture, each with its own matrix, are the picture."""
    image = noise(20, 30)
    example = painted(20, 30, [(10, 5, 20, 15)])
    example["image"] = tf.constant(image)
    matrix = geometry.around(geometry.turned(30.0), (15, 10), (20, 20))
    cut = [tf.constant([0.0, 0, 13.3, 20]), tf.constant([13.3, 0, 30, 20])]
    halves = [geometry.Placed(example, matrix, part) for part in cut]
    both = geometry.collage(halves, (40, 40), 7.0, visible=0)
    one = geometry.Placed(example, matrix, geometry.whole(example))
    one = geometry.collage([one], (40, 40), 7.0, visible=0)
    np.testing.assert_allclose(both["image"], one["image"], atol=2e-3)
    np.testing.assert_array_equal(
        tf.reduce_sum(both["masks"], 0), tf.reduce_sum(one["masks"], 0)
    )
    assert both["labels"].numpy().tolist() == [0, 0]
