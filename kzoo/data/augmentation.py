"""Augmentation in tf.data: f(example, seed) -> example, with stateless seeds only.

The same seed gives the same picture, whoever asks. Why not layers: of keras-cv's and
Keras' own, RandomCrop's boxes (Keras 3.15), MixUp's and RandAugment's are wrong, padding
boxes are moved, and all run at a third of the speed of the plain ops below or less.
"""

import tensorflow as tf

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


def usual(task, image_size):
    """What training does unless told otherwise."""
    makers = {"detection": detection, "classification": classification}
    return makers[task](image_size)


def detection(image_size, scale=(0.75, 1.5), horizontal=0.5, vertical=0.0, colour=0.2):
    """Scale jitter with crop, colour, flips; one resize a picture, boxes follow.

    Args:
      image_size: (H, W) or the side of a square.
      scale: range of the picture's size over that of its letterbox: below 1 it lies
        somewhere in black, above 1 a part is cut out.
      horizontal, vertical: the probabilities of a flip.
      colour: strength of the changes of brightness, contrast, saturation and hue.

    Returns:
      f(example, seed (2,)) -> example with "image" (H, W, 3) float32 in 0..255.
    """
    size = (image_size,) * 2 if isinstance(image_size, int) else tuple(image_size)

    def augment(example, seed):
        draws = tf.unstack(tf.random.stateless_uniform([9], seed))
        zoom = _log_uniform(draws[0], *scale)
        example = jitter(
            example, size, zoom, draws[1:3], draws[3:7] if colour else None, colour
        )
        example = flip(example, draws[7] < horizontal)
        return flip(example, draws[8] < vertical, axis=0) if vertical else example

    return augment


def classification(image_size, area=(0.25, 1.0), ratio=(3 / 4, 4 / 3), colour=0.2):
    """Random resized crop, colour, flip (Szegedy et al. 2015, section 6).

    Args:
      area: range of the share of the picture that is cut out.
      ratio: range of width over height of the cut.
    """
    size = (image_size,) * 2 if isinstance(image_size, int) else tuple(image_size)

    def augment(example, seed):
        draws = tf.unstack(tf.random.stateless_uniform([9], seed))
        height, width = tf.unstack(tf.shape(example["image"])[:2])
        sides = tf.cast([height, width], tf.float32)
        cut = tf.sqrt(
            tf.reduce_prod(sides) * (area[0] + draws[0] * (area[1] - area[0]))
        )
        shape = tf.sqrt(_log_uniform(draws[1], *ratio))
        cut = tf.clip_by_value(tf.round([cut / shape, cut * shape]), 1, sides)
        corner = tf.cast(tf.floor((sides - cut + 1) * draws[2:4]), tf.int32)
        image = tf.slice(
            example["image"],
            [*tf.unstack(corner), 0],
            [*tf.unstack(tf.cast(cut, tf.int32)), 3],
        )
        image = tf.image.resize(image, size)
        image = recolour(image, draws[4:8], colour)
        return flip({**example, "image": image}, draws[8] < 0.5)

    return augment


def jitter(example, size, zoom, place, draws, colour, visible=0.25):
    """Resizes by `zoom` and cuts or pads to size at a random place.

    A box is clipped; it is dropped where less than `visible` of its area is left.
    """
    image = example["image"]
    height, width = size
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    fit = tf.reduce_min([height, width] / sides) * zoom
    cut = tf.clip_by_value(tf.round([height, width] / fit), 1, sides)
    corner = tf.floor((sides - cut + 1) * place)
    new = tf.clip_by_value(tf.round(cut * fit), 1, [height, width])
    spare = [height, width] - new
    offset = tf.floor((spare + 1) * place)

    rows = [tf.cast(x, tf.int32) for x in (corner, cut, new, offset, spare)]
    corner_, cut_, new_, offset_, spare_ = (tf.unstack(x) for x in rows)
    image = tf.slice(image, [*corner_, 0], [*cut_, 3])
    image = tf.image.resize(image, new_)
    if draws is not None:
        image = recolour(image, draws, colour)
    edges = [[o, s - o] for o, s in zip(offset_, spare_)]
    image = tf.pad(image, [*edges, [0, 0]])
    example = {**example, "image": tf.ensure_shape(image, (*size, 3))}

    turn = lambda yx: tf.tile(tf.reverse(yx, [0]), [2])
    boxes = (example["boxes"] - turn(corner)) * turn(new / cut) + turn(offset)
    low, high = turn(offset), turn(offset + new)
    inside = tf.clip_by_value(boxes, low, high)
    keep = _areas(inside) >= visible * _areas(boxes)
    keep &= _areas(inside) > 0
    example["boxes"] = inside
    for name in ("boxes", "labels", "crowd"):
        example[name] = tf.boolean_mask(example[name], keep)
    return example


def recolour(image, draws, strength):
    """Brightness, contrast, saturation and hue as one linear map of RGB.

    Args:
      image: (H, W, 3) float32 in 0..255, and so is the result.
      draws: four numbers in 0..1.
    """
    brightness, contrast, saturation, hue = tf.unstack(tf.stack(draws) * 2 - 1)
    contrast, saturation = 1 + strength * contrast, 1 + strength * saturation
    matrix = contrast * saturation * tf.eye(3)
    matrix += contrast * (1 - saturation) * tf.ones((3, 1)) * tf.constant([GREY])
    mean = tf.reduce_mean(image, [0, 1])
    grey = tf.reduce_sum(mean * GREY)
    shift = (1 - contrast) * grey + strength * 128 * brightness
    pixels = tf.matmul(tf.reshape(image, (-1, 3)), matrix, transpose_b=True) + shift
    return tf.reshape(tf.clip_by_value(pixels, 0, 255), tf.shape(image))


def flip(example, wanted, axis=1):
    """Mirrors left to right (axis 1) or top to bottom (axis 0) where `wanted`."""
    image = example["image"]
    side = tf.cast(tf.shape(image)[axis], tf.float32)
    result = {**example}
    result["image"] = tf.cond(wanted, lambda: tf.reverse(image, [axis]), lambda: image)
    if "boxes" in example:
        low, high = (0, 2) if axis == 1 else (1, 3)
        sides = tf.unstack(example["boxes"], 4, axis=1)
        sides[low], sides[high] = side - sides[high], side - sides[low]
        result["boxes"] = tf.where(wanted, tf.stack(sides, 1), example["boxes"])
    return result


def to_uint8(image):
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def _log_uniform(draw, low, high):
    return low * (high / low) ** draw


def _areas(boxes):
    return tf.reduce_prod(boxes[:, 2:] - boxes[:, :2], axis=1)
