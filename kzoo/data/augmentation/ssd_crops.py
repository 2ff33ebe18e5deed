"""SSD's zoom-out and crops: Liu et al., ECCV 2016, https://arxiv.org/abs/1512.02325,
sections 2.2 and 3.6, with the figures of the authors' code (weiliu89/caffe, ssd).

Colours vary; half of the pictures shrink, by up to 4, on a ground of the mean colour;
then a part is cut out: all, or one that has an IoU of at least 0.1, 0.3, 0.5, 0.7, 0.9
or any with an object; it is stretched to the network's size and perhaps mirrored. A box
stays where its middle is in the part. Parts have 0.3 to 1 of the side, as in the code;
the paper says 0.1. Differences: all of it is one warp, always bilinear, where the code
picks one of five filters; boxes thinner than a pixel go.
"""

import dataclasses

import tensorflow as tf

from kzoo.data.augmentation import colour, geometry

MEAN = (123.0, 117.0, 104.0)  # of ImageNet's pixels, RGB
OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.0)
TRIALS = 50  # for each of them


@dataclasses.dataclass(frozen=True)
class SsdCrops:
    """f(example, seed) -> example of size (H, W).

    Attributes:
      image_size: (H, W).
      zoom_out: the largest ratio of the frame's side to that of the picture in it.
      probability: of a frame.
      horizontal, vertical: the probabilities of the two flips.
      colour: whether colours vary (`kzoo.data.augmentation.colour.distort`).
    """

    image_size: tuple
    zoom_out: float = 4.0
    probability: float = 0.5
    horizontal: float = 0.5
    vertical: float = 0.0
    colour: bool = True

    def __call__(self, example, seed):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
        draws = tf.random.stateless_uniform([6], seeds[0])
        frame = self._frame(example, draws[:4])
        part = choose(parts(frame, seeds[1]), example["boxes"], frame, seeds[1])
        example = geometry.keep(example, _middles_inside(example["boxes"], part))
        (height, width), sides = self.image_size, part[2:] - part[:2]
        matrix = geometry.scaled(width / sides[0], height / sides[1])
        matrix = matrix @ geometry.shifted(-part[0], -part[1])
        across, down = draws[4] < self.horizontal, draws[5] < self.vertical
        matrix = geometry.mirrored(self.image_size, across, down) @ matrix
        return geometry.collage(
            [geometry.Placed(example, matrix, geometry.whole(example))],
            self.image_size,
            MEAN,
            0.0,
            (lambda image: colour.distort(image, seeds[2])) if self.colour else None,
        )

    def _frame(self, example, draws):
        """xyxy in the picture's pixels: the picture, or a larger one around it."""
        ratio = 1 + draws[0] * (self.zoom_out - 1)
        ratio = tf.where(draws[1] < self.probability, ratio, 1.0)
        sides = geometry.whole(example)[2:]
        corner = -tf.floor(draws[2:] * sides * (ratio - 1))
        return tf.concat([corner, corner + ratio * sides], 0)


def parts(frame, seed):
    """Random parts of a frame (4,), (6, TRIALS, 4) xyxy."""
    shape = [len(OVERLAPS), TRIALS]
    draws = tf.random.stateless_uniform([4, *shape], seed)
    scale, ratio = 0.3 + 0.7 * draws[0], 0.5 + 1.5 * draws[1]
    # No side is longer than the frame's.
    ratio = tf.clip_by_value(ratio, scale**2, scale**-2)
    sides = tf.stack([scale * tf.sqrt(ratio), scale / tf.sqrt(ratio)], -1)
    corners = tf.stack([draws[2], draws[3]], -1) * (1 - sides)
    size = frame[2:] - frame[:2]
    corners, sides = frame[:2] + corners * size, sides * size
    return tf.concat([corners, corners + sides], -1)


def choose(candidates, boxes, frame, seed):
    """One part (4,): the frame, or of an overlap the first candidate that has it.

    Args:
      candidates: (6, TRIALS, 4), for each of `OVERLAPS`.
      boxes: (M, 4). Without any, the frame is chosen.
    """
    has = overlaps(candidates, boxes) >= tf.constant(OVERLAPS)[:, None, None]
    good = tf.reduce_any(has, -1)
    firsts = tf.argmax(tf.cast(good, tf.int32), 1)
    firsts = tf.gather(candidates, firsts, batch_dims=1)
    found = tf.boolean_mask(firsts, tf.reduce_any(good, 1))
    choices = tf.concat([frame[None], found], 0)
    seed = tf.random.experimental.stateless_fold_in(seed, 1)
    count = tf.shape(choices)[0]
    return choices[tf.random.stateless_uniform([], seed, maxval=count, dtype=tf.int32)]


def overlaps(parts, boxes):
    """The IoU of parts (..., 4) with boxes (M, 4), (..., M)."""
    parts = parts[..., None, :]
    low = tf.maximum(parts[..., :2], boxes[:, :2])
    high = tf.minimum(parts[..., 2:], boxes[:, 2:])
    area = lambda low, high: tf.reduce_prod(tf.maximum(high - low, 0), -1)
    both = area(low, high)
    either = area(parts[..., :2], parts[..., 2:]) + area(boxes[:, :2], boxes[:, 2:])
    return tf.math.divide_no_nan(both, either - both)


def _middles_inside(boxes, part):
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return tf.reduce_all((middles >= part[:2]) & (middles <= part[2:]), 1)
