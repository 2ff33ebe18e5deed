"""RandAugment, Cubuk et al., NeurIPS 2020, https://arxiv.org/abs/1909.13719, section 3.

A few operations out of 14, one after the other, all of one magnitude. Differences: a
larger magnitude is a larger change for every operation, as in torchvision (in the
authors' code it is a smaller one for posterize and solarize); those that move pixels
become one warp, before those that change colours.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

GREY = 128.0  # where a moved picture leaves nothing, as in the authors' code
LUMA = np.float32([19595, 38470, 7471]) / 65536  # Pillow's convert("L")
SMOOTH = np.float32([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13  # Pillow's


def identity(image, strength):
    return image


def auto_contrast(image, strength):
    """Each channel spread from 0 to 255."""
    low = tf.reduce_min(image, [0, 1])
    high = tf.reduce_max(image, [0, 1])
    spread = (image - low) * (255 / tf.maximum(high - low, 1))
    return tf.where(high > low, spread, image)


def equalize(image, strength):
    """Each channel's histogram made flat, in Pillow's whole numbers."""
    values = tf.cast(image, tf.int32) + 256 * tf.range(3)
    counts = tf.math.bincount(tf.reshape(values, [-1]), minlength=768, maxlength=768)
    counts = tf.reshape(counts, (3, 256))
    used = tf.cast(counts > 0, tf.int32) * tf.range(256)
    last = tf.gather(counts, tf.reduce_max(used, 1), batch_dims=1)
    step = (tf.reduce_sum(counts, 1) - last) // 255
    divisor = tf.maximum(step, 1)[:, None]
    table = (tf.cumsum(counts, 1, exclusive=True) + step[:, None] // 2) // divisor
    table = tf.where(step[:, None] > 0, tf.minimum(table, 255), tf.range(256)[None])
    return tf.cast(tf.gather(tf.reshape(table, [-1]), values), tf.float32)


def solarize(image, strength):
    """Inverted where it is bright: above 256 at magnitude 0, everywhere at the top."""
    return tf.where(image < 256 * (1 - tf.abs(strength)), image, 255 - image)


def posterize(image, strength):
    """8 bits at magnitude 0, 4 at the top."""
    bits = 8 - tf.clip_by_value(tf.round(4 * tf.abs(strength)), 0, 7)
    unit = 2 ** (8 - bits)
    return tf.floor(image / unit) * unit


def color(image, strength):
    return _blend(_grey(image), image, strength)


def contrast(image, strength):
    mean = tf.floor(tf.reduce_mean(_grey(image)) + 0.5)
    return _blend(mean, image, strength)


def brightness(image, strength):
    return _blend(0.0, image, strength)


def sharpness(image, strength):
    """Away from a smoothed picture, or to it; the edge stays, as Pillow's does."""
    kernel = np.tile(SMOOTH[:, :, None, None], (1, 1, 3, 1))
    blurred = tf.nn.depthwise_conv2d(image[None], kernel, [1] * 4, "SAME")[0]
    rows, columns = tf.range(tf.shape(image)[0]), tf.range(tf.shape(image)[1])
    inside = (rows > 0) & (rows < tf.shape(image)[0] - 1)
    inside = inside[:, None] & (columns > 0) & (columns < tf.shape(image)[1] - 1)
    blurred = tf.where(inside[..., None], tf.floor(blurred + 0.5), image)
    return _blend(blurred, image, strength)


def _grey(image):
    grey = tf.reduce_sum(image * LUMA, axis=-1, keepdims=True)
    return tf.floor(grey + 0.5)


def _blend(other, image, strength):
    """From `other` to the picture and beyond, 0.1 to 1.9 at the top."""
    return other + (image - other) * (1 + 0.9 * strength)


_COLOUR = (
    identity,
    auto_contrast,
    equalize,
    solarize,
    posterize,
    color,
    contrast,
    brightness,
    sharpness,
)
COLOUR = {operation.__name__: operation for operation in _COLOUR}
GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
OPERATIONS = (*COLOUR, *GEOMETRIC)


@dataclasses.dataclass(frozen=True)
class RandAugment:
    """Attributes:
    layers: operations for each picture; the paper's N.
    magnitude: their strength; the paper's M.
    of: the strength that is AutoAugment's largest: 10 in the paper, whose M goes
      beyond it (28 for EfficientNet-B7), 30 or 31 elsewhere.
    """

    layers: int = 2
    magnitude: float = 9
    of: float = 10

    def __post_init__(self):
        if self.layers < 1 or self.magnitude < 0 or self.of <= 0:
            raise ValueError(
                f"rand_augment(layers={self.layers}, magnitude={self.magnitude}, "
                f"of={self.of}): layers is 1 or more, magnitude 0 or more, of above 0"
            )

    def draw(self, seed):
        """Of a picture: (operations (layers,) int32, strengths (layers,), signed)."""
        draws = tf.random.stateless_uniform([2, self.layers], seed)
        operations = tf.cast(draws[0] * len(OPERATIONS), tf.int32)
        strength = self.magnitude / self.of
        return operations, tf.where(draws[1] < 0.5, -strength, strength)

    def matrix(self, operations, strengths, size):
        """(3, 3): from a place (x, y, 1) in the result to the one that it shows."""
        total = tf.eye(3)
        for i in range(self.layers):
            kind = operations[i] - len(COLOUR)
            moves = tf.stack(_moves(strengths[i], size))
            total = total @ tf.where(kind < 0, tf.eye(3), moves[tf.maximum(kind, 0)])
        return total

    def recolour(self, image, operations, strengths):
        """The picture (H, W, 3) float32 0..255 after those that move nothing."""
        for i in range(self.layers):
            image = tf.clip_by_value(tf.round(image), 0, 255)
            # Those that move were done by the warp: as identity, which is number 0.
            kind = tf.where(operations[i] < len(COLOUR), operations[i], 0)
            branches = [
                lambda operation=operation, image=image: operation(image, strengths[i])
                for operation in COLOUR.values()
            ]
            shape = image.shape
            image = tf.ensure_shape(tf.switch_case(kind, branches), shape)
        return tf.clip_by_value(image, 0, 255)


def _moves(strength, size):
    """The matrices of `GEOMETRIC`, around the middle of a picture of size (H, W)."""
    height, width = (float(side) for side in size)
    angle = strength * math.radians(30)
    cos, sin = tf.cos(angle), tf.sin(angle)
    shear, zero, one = 0.3 * strength, tf.zeros(()), tf.ones(())
    shift_x, shift_y = 0.45 * width * strength, 0.45 * height * strength

    def around_middle(a, b, c, d):
        x, y = width / 2, height / 2
        return _rows(a, b, x - a * x - b * y, c, d, y - c * x - d * y)

    return (
        around_middle(cos, -sin, sin, cos),
        around_middle(one, shear, zero, one),
        around_middle(one, zero, shear, one),
        _rows(one, zero, shift_x, zero, one, zero),
        _rows(one, zero, zero, zero, one, shift_y),
    )


def _rows(*numbers):
    return tf.reshape(tf.stack([*numbers, 0.0, 0.0, 1.0]), (3, 3))
