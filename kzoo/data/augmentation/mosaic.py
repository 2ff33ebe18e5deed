"""Mosaic of four pictures and YOLOX's MixUp: Ge et al. 2021, section 2.1,
https://arxiv.org/abs/2107.08430; the mosaic is that of Bochkovskiy et al. 2020,
https://arxiv.org/abs/2004.10934.

As the authors' code: four letterboxed pictures meet at a point of a canvas of twice the
network's size; that is scaled, turned, sheared and shifted around its upper left corner
and cut to size; a fifth picture, letterboxed, resized and perhaps mirrored, is blended
in half and half, with all of its boxes; then colours and a flip. Differences: a picture
is interpolated once, not two or three times; boxes of which little is left are left
out; a fifth picture without boxes is left out and not drawn again.
"""

import dataclasses

import tensorflow as tf

from kzoo.data.augmentation import colour, geometry, pieces

GREY = 114.0  # what no picture covers


@dataclasses.dataclass(frozen=True)
class Mosaic:
    """f(example, seed, other) -> example of size (H, W); other(i) is one more example.

    The defaults are those of YOLOX-s to x but for the scale, which there is (0.1, 2).

    Attributes:
      image_size: (H, W).
      probability: of a mosaic; else the picture as `Plain` has it.
      scale, rotation, shear, shift: of the canvas: factors from and to, degrees either
        way (two), and parts of (H, W) either way.
      mixup: probability of a fifth picture in a mosaic; mixup_scale: its size, 1 being
        that of its letterbox.
      horizontal, vertical: the probabilities of the two flips.
      colour: whether colours vary (`kzoo.data.augmentation.colour.jitter`).
      visible: a box is left out where less of its area remains.
    """

    image_size: tuple
    probability: float = 1.0
    scale: tuple = (0.5, 1.5)
    rotation: float = 10.0
    shear: float = 2.0
    shift: float = 0.1
    mixup: float = 1.0
    mixup_scale: tuple = (0.5, 1.5)
    horizontal: float = 0.5
    vertical: float = 0.0
    colour: bool = True
    visible: float = 0.1

    @property
    def partners(self):
        """The number of other examples."""
        return 4 if self.mixup else 3

    def __call__(self, example, seed, other):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
        if self.probability == 1:
            return self._mosaic(example, seeds[0], other)
        plain = Plain(self.image_size, self.horizontal, self.vertical, self.colour)
        return tf.cond(
            tf.random.stateless_uniform([], seeds[2]) < self.probability,
            lambda: self._mosaic(example, seeds[0], other),
            lambda: plain(example, seeds[1]),
        )

    def _mosaic(self, example, seed, other):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
        draws = tf.random.stateless_uniform([3], seeds[3])
        # Part of the one matrix of each picture, so that a flip costs nothing.
        mirror = geometry.mirrored(
            self.image_size, draws[0] < self.horizontal, draws[1] < self.vertical
        )
        four = [example, *(other(i) for i in range(3))]
        result = self._four(four, mirror, seeds[0])
        if self.mixup:
            result = tf.cond(
                (draws[2] < self.mixup) & _has_boxes(result),
                lambda: self._blend(result, other(3), mirror, seeds[1]),
                lambda: result,
            )
        if self.colour:
            result = {**result, "image": colour.jitter(result["image"], seeds[2])}
        return result

    def _four(self, examples, mirror, seed):
        """The pictures around a point of the canvas, which is moved."""
        height, width = self.image_size
        draws = tf.random.stateless_uniform([8], seed)
        middle = (0.5 + draws[:2]) * [height, width]
        motion = mirror @ self._motion(draws[2:])
        placed = []
        for i, example in enumerate(examples):
            placement, part = self._beside(example, middle, below=i > 1, right=i % 2)
            placed.append(geometry.Placed(example, motion @ placement, part))
        return geometry.collage(placed, self.image_size, GREY, self.visible)

    def _motion(self, draws):
        height, width = self.image_size
        zoom = _between(draws[0], *self.scale)
        turn, x, y, right, down = tf.unstack(
            (2 * draws[1:] - 1) * [self.rotation, *[self.shear] * 2, *[self.shift] * 2]
        )
        matrix = geometry.sheared(x, y) @ geometry.turned(turn)
        matrix = matrix @ geometry.scaled(zoom, zoom)
        return geometry.shifted(right * width, down * height) @ matrix

    def _beside(self, example, middle, below, right):
        """A letterboxed picture with a corner at `middle`: its matrix to the canvas,
        and the part of it that lies there."""
        height, width = geometry.sides(example)
        fit = self._fit(example)
        y = middle[0] - (0.0 if below else height * fit)
        x = middle[1] - (0.0 if right else width * fit)
        canvas = [-x, -y, 2 * self.image_size[1] - x, 2 * self.image_size[0] - y]
        part = geometry.clip(tf.stack(canvas)[None] / fit, geometry.whole(example))[0]
        return geometry.shifted(x, y) @ geometry.scaled(fit, fit), part

    def _fit(self, example):
        """Pixels of the letterbox for each one of a picture."""
        height, width = geometry.sides(example)
        return tf.minimum(self.image_size[0] / height, self.image_size[1] / width)

    def _blend(self, result, example, mirror, seed):
        """Half of the result and half of another picture, with the boxes of both."""
        height, width = self.image_size
        draws = tf.random.stateless_uniform([4], seed)
        zoom = _between(draws[0], *self.mixup_scale)
        # The frame is the whole letterbox, resized; a larger one is cut anywhere.
        frame = zoom * [height, width]
        corner = tf.floor(draws[2:] * tf.maximum(frame - [height, width], 0))
        fit = zoom * self._fit(example)
        move = geometry.mirrored(tf.unstack(frame), draws[1] < 0.5)
        move = mirror @ geometry.shifted(-corner[1], -corner[0]) @ move
        matrix, part = move @ geometry.scaled(fit, fit), geometry.whole(example)
        second = geometry.collage(
            [geometry.Placed(example, matrix, part)],
            self.image_size,
            GREY * self._framed(frame, mirror),
            self.visible,
        )
        blended = {**result, "image": (result["image"] + second["image"]) / 2}
        for name in set(pieces.OF_A_BOX) & set(result):
            blended[name] = tf.concat([result[name], second[name]], 0)
        return tf.cond(_has_boxes(example), lambda: blended, lambda: result)

    def _framed(self, frame, mirror):
        """(H, W, 1): 1 where the letterbox is grey, 0 where it ends."""
        height, width = self.image_size
        rows, columns = (tf.range(0.5, side) for side in (height, width))
        there = (rows < frame[0])[:, None] & (columns < frame[1])
        there = tf.cast(there, tf.float32)[..., None]
        there = tf.cond(mirror[0, 0] < 0, lambda: there[:, ::-1], lambda: there)
        return tf.cond(mirror[1, 1] < 0, lambda: there[::-1], lambda: there)


@dataclasses.dataclass(frozen=True)
class Plain:
    """The letterbox, perhaps mirrored, in colours that vary: how a run with mosaics
    ends, so that it has seen pictures as they are."""

    image_size: tuple
    horizontal: float = 0.5
    vertical: float = 0.0
    colour: bool = True

    def __call__(self, example, seed):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        draws = tf.random.stateless_uniform([2], seeds[0])
        example = pieces.flip(example, draws[0] < self.horizontal, axis=1)
        example = pieces.flip(example, draws[1] < self.vertical, axis=0)
        # The letterbox, masks too.
        still = tf.fill([4], 0.5)
        example = pieces.jitter(example, self.image_size, 1.0, [0.0, 0.0], still, 0)
        if self.colour:
            example["image"] = colour.jitter(example["image"], seeds[1])
        return example


def _between(draw, low, high):
    return low + draw * (high - low)


def _has_boxes(example):
    return tf.shape(example["labels"])[0] > 0
