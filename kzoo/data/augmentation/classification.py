"""Augmentation of pictures with a label: crop, flip, RandAugment, colour, Cutout.

As all of it, f(example, seed) from stateless seeds. However many things move the
picture, its pixels are interpolated once.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from kzoo.data.augmentation import pieces
from kzoo.data.augmentation.random_augment import GREY

# Of the colours of ImageNet's pixels in 0..1: directions (columns) and how far they
# spread, the square roots of the eigenvalues (Krizhevsky et al. 2012, section 4.1;
# figures of facebook/fb.resnet.torch).
DIRECTIONS = np.float32(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ]
)
SPREAD = np.float32([0.2175, 0.0188, 0.0045])
MEAN = np.float32([124, 116, 104])  # of ImageNet: what Cutout leaves


@dataclasses.dataclass(frozen=True)
class Resized:
    """A part of random area and shape (Szegedy et al. 2015, section 6).

    area: the range of its share of the picture; ratio: of its width over its height.
    """

    area: tuple = (0.25, 1.0)
    ratio: tuple = (3 / 4, 4 / 3)

    def cut(self, image, size, draws):
        return pieces.random_part(image, draws, self.area, self.ratio), (0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Scaled:
    """A square of a picture whose shorter side is resized (VGG's scale jitter).

    sides: the range of that side, when the square has the network's height.
    """

    sides: tuple = (256, 480)

    def cut(self, image, size, draws):
        sides = tf.cast(tf.shape(image)[:2], tf.float32)
        side = tf.floor(self.sides[0] + draws[0] * (self.sides[1] + 1 - self.sides[0]))
        zoom = tf.reduce_min(sides) / tf.maximum(side, float(size[0]))
        part = tf.clip_by_value(tf.round(zoom * size), 1, sides)
        return pieces.place_part(image, part, draws[2:4]), (0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Padded:
    """The whole picture, moved by up to `by` pixels (Lee et al. 2015, for CIFAR): black
    comes in or, with `reflect`, its mirror image.
    """

    by: int = 4
    reflect: bool = False

    def cut(self, image, size, draws):
        shift = tf.floor(draws[2:4] * (2 * self.by + 1)) - self.by
        return image, (shift[0], shift[1])


@dataclasses.dataclass(frozen=True)
class Whole:
    """The whole picture, stretched to the network's size."""

    def cut(self, image, size, draws):
        return image, (0.0, 0.0)


CROPS = {"resized": Resized, "scaled": Scaled, "padded": Padded, "whole": Whole}


def augmentation(
    image_size,
    crop=Resized(),
    flip=0.5,
    colour=0.2,
    lighting=0.0,
    policy=None,
    cutout=0,
):
    """What training does to a picture.

    Args:
      image_size: (H, W), or the side of a square.
      crop: one of `CROPS`.
      flip: probability of a mirrored picture.
      colour: see `kzoo.data.augmentation.pieces.recolour`; 0 for none.
      lighting: standard deviation of Krizhevsky's PCA noise, 0.1 in the paper; 0: none.
      policy: a `kzoo.data.augmentation.random_augment.RandAugment`, or None.
      cutout: side of the square that is taken out, pixels; 0 for none.

    Returns:
      f(example, seed (2,)) -> example, its "image" (H, W, 3) float32 in 0..255.
    """
    size = pieces.height_and_width(image_size)

    def augment(example, seed):
        draws = tf.random.stateless_uniform([11], seed)
        part, shift = crop.cut(example["image"], size, draws[:4])
        mirrored = draws[4] < flip
        if policy:
            chosen = policy.draw(tf.random.experimental.stateless_fold_in(seed, 1))
            image = warp(part, _matrix(policy.matrix(*chosen, size), shift), size)
            image = policy.recolour(image, *chosen)
        else:
            image = _shifted(tf.image.resize(part, size), crop, shift, size)
        image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
        image = pieces.recolour(image, draws[5:9], colour)
        if lighting:
            image = relight(image, tf.random.stateless_normal([3], seed), lighting)
        if cutout:
            image = cut_out(image, draws[9:11], cutout)
        return {**example, "image": tf.ensure_shape(image, (*size, 3))}

    return augment


def _shifted(image, crop, shift, size):
    """The resized picture, moved as `Padded` wants it."""
    by = getattr(crop, "by", 0)
    if not by:
        return image
    mode = "REFLECT" if crop.reflect else "CONSTANT"
    padded = tf.pad(image, [[by, by], [by, by], [0, 0]], mode)
    begin = tf.cast([shift[0] + by, shift[1] + by, 0], tf.int32)
    return tf.slice(padded, begin, [*size, 3])


def _matrix(moves, shift):
    """The moves of a picture that was shifted by (rows, columns) before."""
    rows = [[1.0, 0.0, shift[1]], [0.0, 1.0, shift[0]], [0.0, 0.0, 1.0]]
    return tf.convert_to_tensor(rows) @ moves


def warp(part, matrix, size):
    """A picture (h, w, 3) resized to size (H, W) and moved, bilinear, in one go.

    Args:
      matrix: (3, 3), from a place (x, y, 1) in the result to the one in the resized
        picture that it shows; grey where there is none.
    """
    height, width = size
    sides = tf.cast(tf.shape(part)[:2], tf.float32)
    # A rim of the picture's own edge: the kernel would blend half a pixel of grey in.
    part = tf.pad(tf.cast(part, tf.float32), [[1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    zoom = tf.stack([sides[1] / width, sides[0] / height, 1.0])
    # The kernel counts from the middle of the first pixel, matrices from its edge: half
    # a pixel more on the way in, half less on the way out, and there one for the rim.
    half = np.float32([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    total = half @ tf.linalg.diag(zoom) @ matrix @ half
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=part[None],
        transforms=tf.reshape(total, (1, 9))[:, :8],
        output_shape=tf.constant(size, tf.int32),
        fill_value=GREY,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(warped[0], (*size, 3))


def relight(image, draws, strength):
    """Krizhevsky's noise along the colours that vary most; draws (3,) are normal."""
    shift = tf.linalg.matvec(DIRECTIONS, draws * strength * SPREAD * 255)
    return tf.clip_by_value(image + shift, 0, 255)


def cut_out(image, draws, side):
    """Cutout, DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552: a square whose
    middle is anywhere, so that a part of it may lie outside.
    """
    inside = None
    for axis in (0, 1):
        length = image.shape[axis]
        middle = tf.floor(draws[axis] * length)
        places = tf.range(length, dtype=tf.float32)
        first = middle - side // 2
        here = (places >= first) & (places < first + side)
        inside = here[:, None] if axis == 0 else inside & here[None]
    return tf.where(inside[..., None], MEAN, image)
