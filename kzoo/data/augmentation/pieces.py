"""What augmentations are made of, in tf.data, from stateless seeds only.

The same seed gives the same picture, whoever asks and however often: that is what makes
a resumed run exact. An example is a dict with "image" (h, w, 3) and, for detection,
"boxes" (M, 4) xyxy in its pixels, "labels", "crowd" (M,), perhaps "masks" (M, h, w);
all of them follow the picture.
"""

import numpy as np
import tensorflow as tf

# W3C, Filter Effects Module 1, feColorMatrix: the grey of a colour, and the matrix that
# turns its hue by 90 degrees. Neither changes the grey.
GREY = np.float32([[0.213, 0.715, 0.072]] * 3)
TURN = np.float32(
    [[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]]
)
OF_A_BOX = ("boxes", "labels", "crowd", "masks")


def random_part(image, draws, area, ratio):
    """A part of a picture whose share of it is in the range `area`, and whose width
    over its height is in `ratio`.

    draws: (4,) in 0..1, for its share, its shape, and where it lies (two).
    """
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    share = area[0] + draws[0] * (area[1] - area[0])
    side = tf.sqrt(share * tf.reduce_prod(sides))
    shape = tf.sqrt(between(draws[1], *ratio))
    part = tf.clip_by_value(tf.round([side / shape, side * shape]), 1, sides)
    return place_part(image, part, draws[2:4])


def place_part(image, part, place):
    """The part of (height, width) whose corner lies at `place`, two numbers in 0..1."""
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    return _cut(image, tf.floor((sides - part + 1) * place), part)


def jitter(example, size, zoom, place, draws, colour, visible=0.25):
    """Resizes to `zoom` times the letterbox's size, cut or padded to size (H, W).

    Args:
      place: two numbers in 0..1: where the cut, or the picture on the black, lies.
      draws, colour: see `recolour`.
      visible: a box is clipped, and left out where less of its area remains.
    """
    sides = tf.cast(tf.shape(example["image"])[:2], tf.float32)
    fit = tf.reduce_min(size / sides) * zoom
    part = tf.clip_by_value(tf.round(size / fit), 1, sides)
    corner = tf.floor((sides - part + 1) * place)
    new = tf.clip_by_value(tf.round(part * fit), 1, size)
    offset = tf.floor((size - new + 1) * place)

    def move(image, method="bilinear"):
        return tf.image.resize(_cut(image, corner, part), _whole(new), method)

    def pad(image):
        before = _whole(offset)
        edges = tf.stack([before, size - _whole(new) - before], 1)
        image = tf.pad(image, tf.concat([edges, [[0, 0]]], 0))
        return tf.ensure_shape(image, (*size, image.shape[-1]))

    result = {**example, "image": pad(recolour(move(example["image"]), draws, colour))}
    if "masks" in example:
        # One more, since TensorFlow does not resize a picture of no channels.
        masks = tf.pad(example["masks"], [[0, 1], [0, 0], [0, 0]])
        masks = pad(move(tf.transpose(masks, (1, 2, 0)), "nearest"))
        result["masks"] = tf.transpose(masks, (2, 0, 1))[:-1]
    boxes = (example["boxes"] - _xyxy(corner)) * _xyxy(new / part) + _xyxy(offset)
    result["boxes"] = tf.clip_by_value(boxes, _xyxy(offset), _xyxy(offset + new))
    left = areas(result["boxes"])
    keep = (left > 0) & (left >= visible * areas(boxes))
    for name in set(OF_A_BOX) & set(example):
        result[name] = tf.boolean_mask(result[name], keep)
    return result


def recolour(image, draws, strength):
    """Brightness, contrast, saturation and hue as one linear map of the colours.

    Args:
      image: (H, W, 3) float32 in 0..255, and so is the result.
      draws: (4,) in 0..1, where 0.5 changes nothing.
      strength: of the changes: brightness by up to this share of 128, contrast and
        saturation by up to this share, hue by up to this angle in radians.
    """
    if not strength:
        return image
    brightness, contrast, saturation, hue = tf.unstack(strength * (draws * 2 - 1))
    vivid = tf.cos(hue) * (tf.eye(3) - GREY) + tf.sin(hue) * TURN
    matrix = (1 + contrast) * (GREY + (1 + saturation) * vivid)
    mean = tf.reduce_sum(tf.reduce_mean(image, [0, 1]) * GREY[0])
    shift = 128 * brightness - contrast * mean
    pixels = tf.matmul(tf.reshape(image, (-1, 3)), matrix, transpose_b=True) + shift
    return tf.reshape(tf.clip_by_value(pixels, 0, 255), tf.shape(image))


def flip(example, wanted, axis):
    """Mirrors left and right (axis 1) or top and bottom (axis 0) where `wanted`."""
    result = {**example}
    side = tf.cast(tf.shape(example["image"])[axis], tf.float32)
    for name, place in (("image", axis), ("masks", axis + 1)):
        if name in example:
            mirror = lambda image=example[name], place=place: tf.reverse(image, [place])
            result[name] = tf.cond(wanted, mirror, lambda name=name: example[name])
    if "boxes" in example:
        x0, y0, x1, y1 = tf.unstack(example["boxes"], axis=1)
        mirrored = [side - x1, y0, side - x0, y1]
        if axis == 0:
            mirrored = [x0, side - y1, x1, side - y0]
        result["boxes"] = tf.where(wanted, tf.stack(mirrored, 1), example["boxes"])
    return result


def to_uint8(image):
    return tf.saturate_cast(tf.round(image), tf.uint8)


def height_and_width(image_size):
    """(H, W) of a pair or of the side of a square."""
    return (int(image_size),) * 2 if np.ndim(image_size) == 0 else tuple(image_size)


def between(draw, low, high):
    """low to high, with as many halvings as doublings."""
    return low * (high / low) ** draw


def _cut(image, corner, part):
    begin = tf.concat([_whole(corner), [0]], 0)
    return tf.slice(image, begin, tf.concat([_whole(part), [-1]], 0))


def _whole(numbers):
    return tf.cast(numbers, tf.int32)


def _xyxy(rows_columns):
    return tf.tile(tf.reverse(rows_columns, [0]), [2])


def areas(boxes):
    return tf.reduce_prod(boxes[:, 2:] - boxes[:, :2], axis=1)
