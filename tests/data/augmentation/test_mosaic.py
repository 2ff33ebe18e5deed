"""Mosaic, MixUp of detection, and how they end: boxes against what is painted."""

import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from kzoo.data.augmentation.mosaic import Mosaic, Plain
from kzoo.data.batching import Closing
from tests.data.augmentation.painting import BOXES, COLOURS, extent, painted
from tests.data.test_batching import assert_equal, take

SIZE = (48, 64)
BIG = (96, 96)


def examples():
    """Five pictures of different sizes; of all boxes, one colour a label."""
    rectangles = [[BOXES[0]], [], [(2, 2, 20, 9)], BOXES, [(0, 0, 30, 20)]]
    sizes = [(34, 48), (30, 30), (10, 60), (34, 48), (20, 30)]
    return [painted(*size, boxes) for size, boxes in zip(sizes, rectangles)]


def made(augment, seed, given=None):
    given = given or examples()
    result = augment(given[0], tf.constant(seed, tf.int64), lambda i: given[i + 1])
    return {name: x.numpy() for name, x in result.items()}


def still(size=SIZE, **settings):
    """A mosaic in which nothing is moved, turned, mirrored or recoloured."""
    settings = {"mixup": 0.0, "scale": (1.0, 1.0), **settings}
    names = ("rotation", "shear", "shift", "horizontal", "visible")
    nothing = {name: 0.0 for name in names}
    return Mosaic(size, colour=False, **{**nothing, **settings})


def white(height, width):
    example = painted(height, width, [])
    return {**example, "image": tf.fill([height, width, 3], np.uint8(255))}


@pytest.mark.parametrize("seed", range(3))
def test_four_pictures_meet_at_a_point(seed):
    """Shrunk by half the canvas is the result: letterboxed pictures of 20 x 40, which
    are 24 x 48 of 48 x 48, in rows of 12 above and below the point."""
    given = [white(20, 40) for _ in range(4)]
    for i, example in enumerate(given):
        example["image"] //= np.uint8(i + 1)
    image = made(still((48, 48), scale=(0.5, 0.5)), (0, seed), given)["image"]
    kinds = {round(255 // (i + 1)): i for i in range(4)} | {114: -1}
    found = np.vectorize(lambda value: kinds.get(round(float(value)), -2))(
        image[..., 0]
    )
    y, x = (int(places.max()) + 1 for places in np.nonzero(found == 0))
    assert 12 <= y <= 36 and 12 <= x <= 36
    expected = np.full((48, 48), -1)
    for i, rows in enumerate([slice(y - 12, y)] * 2 + [slice(y, y + 12)] * 2):
        left, right = (max(x - 24, 0), x) if i % 2 == 0 else (x, min(x + 24, 48))
        expected[rows, left:right] = i
    # The point lies between pixels: those on an edge may be of either side.
    assert np.mean(found != expected) < 0.06


@pytest.mark.parametrize("seed", range(8))
def test_boxes_are_where_the_paint_is(seed):
    """One box a picture, so that a colour is one object."""
    given = examples()
    for label, place in enumerate((0, 2, 3)):
        box = [(3, 5, 17, 29), None, (2, 2, 20, 9), (22, 5, 40, 31)][place]
        size = tuple(given[place]["image"].shape[:2])
        given[place] = painted(*size, [box])
        given[place]["labels"] = tf.constant([label])
        paint = given[place]["image"].numpy()
        paint[paint.max(-1) > 0] = COLOURS[label]
        given[place]["image"] = tf.constant(paint)
    augment = Mosaic(BIG, colour=False, mixup=0.0, vertical=0.5)
    result = made(augment, (1, seed), given)
    for box, label, mask in zip(*(result[n] for n in ("boxes", "labels", "masks"))):
        near = np.abs(result["image"] - COLOURS[label]).max(-1) < 127
        np.testing.assert_allclose(box, extent(mask), atol=1.5)
        np.testing.assert_allclose(box, extent(near), atol=1.5)


def test_mixup_is_half_of_each_with_the_boxes_of_both():
    given = [white(48, 64) for _ in range(4)] + [painted(48, 64, [(8, 8, 24, 40)])]
    given[0] = painted(48, 64, [(0, 0, 64, 48)])
    augment = still(mixup=1.0, mixup_scale=(0.5, 0.5), visible=0.0)
    seeds = [(3, seed) for seed in range(20)]
    result = next(r for s in seeds if len((r := made(augment, s, given))["boxes"]) == 2)
    np.testing.assert_allclose(result["labels"], [0, 0])
    x0, y0, x1, y1 = result["boxes"][1]
    # Half its size, at the upper left corner, perhaps mirrored in 32 columns.
    assert (y0, y1) == (4, 20) and (x0, x1) in ((4, 12), (20, 28))
    # Beside the frame of 24 x 32 is black, so all there is half as bright.
    first = made(still(visible=0.0), (3, 0), given)
    assert result["image"][30:].max() <= 127.5 and first["image"].max() == 255
    inside = result["image"][6:18, int(x0) + 2 : int(x1) - 2]
    assert inside[..., 0].min() >= 127.5


def test_a_fifth_picture_without_boxes_is_left_out():
    given = examples()
    given[4] = white(20, 20)
    with_it, without = (made(still(mixup=p), (5, 1), given) for p in (1.0, 0.0))
    np.testing.assert_array_equal(with_it["image"], without["image"])


@pytest.mark.parametrize("seed", range(3))
def test_no_boxes_anywhere(seed):
    given = [white(20, 20) for _ in range(5)]
    result = made(Mosaic(SIZE), (0, seed), given)
    assert result["boxes"].shape == (0, 4) and result["masks"].shape == (0, *SIZE)
    assert np.isfinite(result["image"]).all()


def test_one_pixel_pictures_and_grey_ones():
    given = [painted(1, 1, [(0, 0, 1, 1)]) for _ in range(5)]
    for example in given:
        example["image"] = tf.fill([1, 1, 3], np.uint8(90))
    result = made(Mosaic(SIZE), (0, 1), given)
    assert len(result["boxes"]) and np.isfinite(result["image"]).all()
    assert result["image"].min() >= 0 and result["image"].max() <= 255


def test_many_boxes_stay_within_the_picture():
    given = [painted(34, 48, [BOXES[0]]) for _ in range(5)]
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 30, (200, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 9, (200, 2))], 1)
    for example in given:
        del example["masks"]
        example["boxes"] = tf.constant(boxes, tf.float32)
        example["labels"] = tf.range(200) % 3
        example["crowd"] = tf.zeros(200, tf.bool)
    boxes = made(Mosaic(SIZE), (0, 3), given)["boxes"]
    assert len(boxes) > 200 and (boxes >= 0).all()
    assert (boxes <= [64, 48, 64, 48]).all() and (boxes[:, 2:] > boxes[:, :2]).all()


def test_without_a_mosaic_it_is_the_letterbox():
    plain = Plain(SIZE, horizontal=0, colour=False)
    result = plain(examples()[3], tf.constant([0, 0], tf.int64))
    same = made(still(probability=0.0), (0, 0), [examples()[3]])
    # 34 x 48 in 48 x 64: as wide, and 45 rows of it.
    expected = np.array(BOXES) * np.tile([64 / 48, 45 / 34], 2)
    np.testing.assert_allclose(result["boxes"], expected, rtol=1e-5)
    assert not np.any(result["image"][45:])
    np.testing.assert_array_equal(result["image"], same["image"])


CLOSING = Closing(Mosaic(SIZE), Plain(SIZE), step=2)


def stream(source, **settings):
    return kzoo.data.batches(
        source, 4, SIZE, training=True, augment=CLOSING, **settings
    )


def test_a_second_worker_that_goes_on_sees_the_same_pictures(scenes):
    whole = take(stream(scenes), 4)
    closing = [batch["targets"]["closing"].tolist() for batch in whole]
    assert closing == [[0.0] * 4] * 2 + [[1.0] * 4] * 2
    rest = take(stream(scenes, start_step=1, worker=(1, 2)), 3)
    assert_equal(tf.nest.map_structure(lambda rows: rows[2:], whole[1:]), rest)
