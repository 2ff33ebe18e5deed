"""MixUp and CutMix: pictures of a batch mixed in pairs, and their labels with them.

Zhang et al. 2018, https://arxiv.org/abs/1710.09412; Yun et al. 2019,
https://arxiv.org/abs/1905.04899. As there, one share for a whole batch. Unlike there a
row is mixed with its neighbour (0 with 1, 2 with 3 ...) and not with one of a random
order: in a shuffled stream neighbours are a random pair anyway, and as both lie in one
worker's part of the batch, one worker and many mix the same pairs.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Mix:
    """f(images, labels, seed) -> (images, soft labels).

    Attributes:
      classes: K.
      mixup, cutmix: the alpha of each one's Beta(alpha, alpha), from which the share
        is drawn; 0 for neither. With both, a batch has one of them, by a coin.
    """

    classes: int
    mixup: float = 0.0
    cutmix: float = 0.0

    def __call__(self, images, labels, seed):
        """images (B, H, W, 3) uint8, labels (B,), B even -> (as they were, (B, K)).

        seed: (2,), the same for all workers.
        """
        seeds = tf.random.experimental.stateless_split(seed, 3)
        truths = tf.one_hot(labels, self.classes)
        images = tf.cast(images, tf.float32)
        mixup = lambda: _mixup(images, truths, _beta(self.mixup, seeds[0]))
        cutmix = lambda: _cutmix(images, truths, _beta(self.cutmix, seeds[0]), seeds[1])
        if self.mixup and self.cutmix:
            coin = tf.random.stateless_uniform([], seeds[2]) < 0.5
            images, truths = tf.cond(coin, mixup, cutmix)
        elif self.mixup or self.cutmix:
            images, truths = (mixup if self.mixup else cutmix)()
        return tf.cast(tf.round(images), tf.uint8), truths


def neighbours(x):
    """Rows 1, 0, 3, 2, ... of (B, ...)."""
    shape = x.shape
    pairs = tf.reshape(x, (shape[0] // 2, 2, *shape[1:]))
    return tf.reshape(tf.reverse(pairs, [1]), shape)


def _mixup(images, truths, share):
    mix = lambda x: share * x + (1 - share) * neighbours(x)
    return mix(images), mix(truths)


def _cutmix(images, truths, share, seed):
    """The share that stays is that of the pixels: a box may be cut at the edge."""
    places = tf.random.stateless_uniform([2], seed)
    inside = None
    for axis, length in enumerate(images.shape[1:3]):
        half = tf.floor(length * tf.sqrt(1 - share)) / 2
        middle = tf.floor(places[axis] * length)
        first, end = tf.floor(middle - half), tf.floor(middle + half)
        pixels = tf.range(length, dtype=tf.float32)
        here = (pixels >= first) & (pixels < end)
        inside = here[:, None] if axis == 0 else inside & here[None]
    other = tf.reduce_mean(tf.cast(inside, tf.float32))
    images = tf.where(inside[None, ..., None], neighbours(images), images)
    return images, (1 - other) * truths + other * neighbours(truths)


def _beta(alpha, seed):
    """A draw of Beta(alpha, alpha)."""
    first, second = tf.unstack(tf.random.stateless_gamma([2], seed, alpha))
    # With a small alpha both may be too small for a float32.
    total = first + second
    return tf.where(total > 0, tf.math.divide_no_nan(first, total), 1.0)
