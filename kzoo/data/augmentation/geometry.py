"""What moves a picture, as one matrix, so that its pixels are interpolated once.

A matrix (3, 3) takes a place (x, y, 1) in a picture to the one in the result, both in
pixels from the upper left edge, not from the middle of the first pixel. Matrices of
scale, rotation, shear, tilt, flip and placement are multiplied; then each picture is
sampled once, bilinear without antialias as in `kzoo.ops.images.letterbox`, and boxes
and masks follow with the same matrix.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from kzoo.data.augmentation import pieces

# Traced once for all the pictures of a mosaic, which start seconds sooner for it.
traced_once = tf.function(reduce_retracing=True, autograph=False)


class Placed(NamedTuple):
    """A picture in a result: its example, its matrix, and the part of it that may be
    seen, (4,) xyxy in its pixels."""

    example: dict
    matrix: tf.Tensor
    part: tf.Tensor


def scaled(x, y):
    return _matrix(x, 0, 0, 0, y, 0)


def shifted(x, y):
    return _matrix(1, 0, x, 0, 1, y)


def turned(degrees):
    """Around the upper left corner, clockwise as the picture is seen."""
    angle = tf.cast(degrees, tf.float32) * (math.pi / 180)
    return _matrix(tf.cos(angle), -tf.sin(angle), 0, tf.sin(angle), tf.cos(angle), 0)


def sheared(x_degrees, y_degrees):
    """Rows move to the right with y, columns down with x."""
    x, y = (tf.tan(angle * (math.pi / 180)) for angle in (x_degrees, y_degrees))
    return _matrix(1, x, 0, y, 1, 0)


def tilted(x, y):
    """Perspective: what lies at (x', y') shrinks by 1 + x x' + y y'."""
    return _matrix(1, 0, 0, 0, 1, 0, x, y)


def mirrored(size, horizontal, vertical=False):
    """A result of (H, W) mirrored left and right, top and bottom, where wanted."""
    height, width = size
    x, y = (tf.where(wanted, -1.0, 1.0) for wanted in (horizontal, vertical))
    return shifted((1 - x) / 2 * width, (1 - y) / 2 * height) @ scaled(x, y)


def around(matrix, before, after):
    """`matrix`, as if (x, y) `before` were the origin, which then lies at `after`."""
    return shifted(*after) @ matrix @ shifted(-before[0], -before[1])


def sides(example):
    """(height, width) of an example's picture, two float32 scalars."""
    return tf.unstack(tf.cast(tf.shape(example["image"])[:2], tf.float32))


def whole(example):
    """The part that is all of a picture."""
    height, width = sides(example)
    return tf.stack([0.0, 0.0, width, height])


def collage(placed, size, fill, visible=0.25, recolour=None):
    """Pictures that lie side by side, as one example.

    Args:
      placed: of `Placed`; no two may show at the same place.
      size: (H, W) of the result.
      fill: the colour where none is: a number, three, or (H, W, 1).
      visible: a box is clipped, and left out where less than this share of its area
        remains or it is thinner than a pixel.
      recolour: f((H, W, 3) in 0..255) -> the same, which leaves `fill` as it is.

    Returns:
      The first example with image (H, W, 3) float32 and the boxes of all.
    """
    layers = [warp(one.example["image"], *one[1:], size) for one in placed]
    pixels = tf.add_n([pixels for pixels, _ in layers])
    covered = tf.add_n([there for _, there in layers])[..., None]
    if recolour:
        pixels = recolour(pixels) * covered
    image = pixels + (1 - covered) * fill
    result = {**placed[0].example, "image": tf.ensure_shape(image, (*size, 3))}
    moved = [_move_boxes(*one, size, visible) for one in placed]
    for name in set(pieces.OF_A_BOX) & set(result):
        result[name] = tf.concat([example[name] for example in moved], 0)
    return result


@traced_once
def warp(image, matrix, part, size):
    """A picture (h, w, 3) as it lies in a result of size (H, W).

    Returns:
      ((H, W, 3) float32, 0 where it is not; (H, W) float32, 1 where it is).
    """
    area, total = _seen(matrix, part, size)
    there = tf.cast(_inside(total, part, area), tf.float32)
    image = tf.cast(image, tf.float32)
    pixels = _sample(image[None], total, area, "BILINEAR")[0] * there[..., None]
    return _spread(pixels, area, size), _spread(there, area, size)


def warp_masks(masks, matrix, part, size):
    """Masks (M, h, w) as they lie in a result of size (H, W), by the nearest pixel."""
    area, total = _seen(matrix, part, size)
    there = tf.cast(_inside(total, part, area), masks.dtype)
    # One more, since TensorFlow does not warp a batch of none.
    masks = tf.pad(masks, [[0, 1], [0, 0], [0, 0]])
    masks = _sample(masks[..., None], total, area, "NEAREST")[..., 0] * there
    masks = tf.transpose(_spread(tf.transpose(masks, (1, 2, 0)), area, size), (2, 0, 1))
    return masks[:-1]


def move_boxes(boxes, matrix):
    """The upright boxes (M, 4) around the four corners of boxes (M, 4), moved."""
    x0, y0, x1, y1 = tf.unstack(boxes, axis=1)
    corners = tf.stack([[x0, x1, x1, x0], [y0, y0, y1, y1], tf.ones((4, 1)) + 0 * x0])
    x, y, depth = tf.unstack(tf.einsum("ij,jkm->imk", matrix, corners))
    x, y = x / depth, y / depth
    hull = [tf.reduce_min(x, 1), tf.reduce_min(y, 1)]
    hull += [tf.reduce_max(x, 1), tf.reduce_max(y, 1)]
    return tf.stack(hull, 1)


def clip(boxes, part):
    """Boxes (M, 4) cut at the edges of `part` (4,)."""
    part = tf.cast(part, tf.float32)
    low, high = tf.tile(part[:2], [2]), tf.tile(part[2:], [2])
    return tf.clip_by_value(boxes, low, high)


def extents(masks):
    """The boxes (M, 4) of what masks (M, H, W) cover; zeros for an empty one."""

    def span(there):
        length = tf.shape(there)[1]
        first = tf.argmax(there, 1, tf.int32)
        last = length - tf.argmax(tf.reverse(there, [1]), 1, tf.int32)
        return first, tf.where(tf.reduce_max(there, 1) > 0, last, 0)

    (x0, x1), (y0, y1) = (span(tf.reduce_max(masks, axis)) for axis in (1, 2))
    return tf.cast(tf.stack([x0, y0, x1, y1], 1), tf.float32)


def fits(example):
    """Which boxes (M,) end where their masks do, to a pixel: not those that are drawn
    around what an object in front hides, too."""
    beside = tf.abs(extents(example["masks"]) - example["boxes"])
    return tf.reduce_all(beside <= 1, 1)


def keep(example, kept):
    """The example with the boxes, labels and masks that are `kept` (M,)."""
    names = set(pieces.OF_A_BOX) & set(example)
    return {**example, **{n: tf.boolean_mask(example[n], kept) for n in names}}


@traced_once
def _move_boxes(example, matrix, part, size, visible):
    """What of an example's boxes is seen in a result of size (H, W)."""
    frame = (0, 0, size[1], size[0])
    boxes = example["boxes"]
    before = pieces.areas(move_boxes(boxes, matrix))
    boxes = clip(move_boxes(clip(boxes, part), matrix), frame)
    result = {name: example[name] for name in pieces.OF_A_BOX if name in example}
    if "masks" in example:
        result["masks"] = warp_masks(example["masks"], matrix, part, size)
        # A turned box has corners where the object is not; its mask has none.
        around = clip(extents(result["masks"]) + [-0.5, -0.5, 0.5, 0.5], frame)
        low = tf.maximum(boxes[:, :2], around[:, :2])
        high = tf.minimum(boxes[:, 2:], around[:, 2:])
        tight = tf.concat([low, tf.maximum(high, low)], 1)
        boxes = tf.where(fits(example)[:, None], tight, boxes)
    left = tf.reduce_all(boxes[:, 2:] - boxes[:, :2] > 1, 1)
    left &= pieces.areas(boxes) >= visible * before
    return keep({**result, "boxes": boxes}, left)


def _seen(matrix, part, size):
    """Where a part shows: its area (rows and columns from, to) (4,) in a result of size
    (H, W), and the matrix from the middle of a pixel of that area to the picture.
    """
    x0, y0, x1, y1 = tf.unstack(move_boxes(part[None], matrix)[0])
    rows, columns = (
        tf.stack(
            [
                tf.clip_by_value(tf.floor(low), 0, length - 1),
                tf.clip_by_value(tf.math.ceil(high), 1, length),
            ]
        )
        for low, high, length in ((y0, y1, size[0]), (x0, x1, size[1]))
    )
    rows, columns = (
        tf.stack([x[0], tf.maximum(x[1], x[0] + 1)]) for x in (rows, columns)
    )
    area = tf.cast(tf.concat([rows, columns], 0), tf.int32)
    return area, tf.linalg.inv(matrix) @ shifted(columns[0] + 0.5, rows[0] + 0.5)


def _inside(total, part, area):
    """Which pixels of an area show something of a part."""
    rows, columns = area[1] - area[0], area[3] - area[2]
    x, y = (tf.cast(tf.range(count), tf.float32) for count in (columns, rows))
    across, down, depth = (
        row[0] * x + (row[1] * y + row[2])[:, None] for row in tf.unstack(total)
    )
    there = depth > 0  # else it lies behind the one who looks
    there &= (across >= part[0] * depth) & (across < part[2] * depth)
    return there & (down >= part[1] * depth) & (down < part[3] * depth)


def _sample(images, total, area, interpolation):
    # The kernel counts from the middle of the first pixel, matrices from its edge.
    total = shifted(-0.5, -0.5) @ total
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.reshape(total / total[2, 2], (1, 9))[:, :8],
        output_shape=[area[1] - area[0], area[3] - area[2]],
        fill_value=0.0,
        interpolation=interpolation,
        # Up to its edge a picture shows itself: what is beyond, `_inside` tells.
        fill_mode="NEAREST",
    )


def _spread(x, area, size):
    """An area (h, w, ...) of a result, with zeros around it, (H, W, ...)."""
    edges = [[area[0], size[0] - area[1]], [area[2], size[1] - area[3]]]
    return tf.pad(x, edges + [[0, 0]] * (x.shape.rank - 2))


def _matrix(*numbers):
    """The first six numbers of a matrix, or eight; the rest is 0 0 1."""
    numbers = [*numbers, *[0.0] * (8 - len(numbers)), 1.0]
    return tf.reshape(tf.stack([tf.cast(x, tf.float32) for x in numbers]), (3, 3))
