"""Copy-paste: Ghiasi et al., CVPR 2021, https://arxiv.org/abs/2012.07177, section 3.

Two pictures vary each on its own; objects of one, each by a coin, are pasted onto the
other along their masks, without blending. What they hide is cut out of the other's
masks, and of the boxes that end where their masks do; an object of which little is left
is left out. How the pictures vary before is the caller's: the paper's large scale
jitter is Perspective with scale=(0.1, 2.0) and no rotation, shear or tilt.
"""

import dataclasses

import tensorflow as tf

from kzoo.data import batching
from kzoo.data.augmentation import geometry, pieces


@dataclasses.dataclass(frozen=True)
class CopyPaste:
    """f(example, seed, other) -> example; the examples have "masks".

    Attributes:
      augment: the augmentation of each of the two pictures.
      probability: of pasting.
      visible: an object is left out where less of its mask remains.
    """

    augment: object
    probability: float = 0.5
    visible: float = 0.25
    masks = True

    @property
    def partners(self):
        return 1 + 2 * batching.partners(self.augment)

    def __call__(self, example, seed, other):
        if "masks" not in example:
            raise ValueError("copy-paste needs masks of the objects; here are none")
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
        count = batching.partners(self.augment)
        first = self._vary(example, seeds[0], lambda i: other(1 + i))

        def pasted():
            second = self._vary(other(0), seeds[1], lambda i: other(1 + count + i))
            coins = tf.random.stateless_uniform(tf.shape(second["labels"]), seeds[2])
            chosen = geometry.keep(second, (coins < 0.5) & ~second["crowd"])
            return paste(first, chosen, self.visible)

        wanted = tf.random.stateless_uniform([], seeds[3]) < self.probability
        return tf.cond(wanted, pasted, lambda: first)

    def _vary(self, example, seed, other):
        if batching.partners(self.augment):
            return self.augment(example, seed, other)
        return self.augment(example, seed)


def paste(example, objects, visible=0.25):
    """An example with the objects of another, of the same size, in front."""
    cover = tf.reduce_max(tf.pad(objects["masks"], [[0, 1], [0, 0], [0, 0]]), 0)
    before = _areas(example["masks"])
    masks = example["masks"] * (1 - cover)
    left = _areas(masks)
    # A box that nothing was taken from stays exact.
    smaller = ((left < before) & geometry.fits(example))[:, None]
    boxes = tf.where(smaller, geometry.extents(masks), example["boxes"])
    image = tf.where(cover[..., None] > 0, objects["image"], example["image"])
    behind = {**example, "image": image, "masks": masks, "boxes": boxes}
    behind = geometry.keep(behind, (left > 0) & (left >= visible * before))
    for name in set(pieces.OF_A_BOX) & set(behind):
        behind[name] = tf.concat([behind[name], objects[name]], 0)
    return behind


def _areas(masks):
    return tf.reduce_sum(tf.cast(masks > 0, tf.float32), [1, 2])
