"""Random perspective: size, rotation, shear, tilt, flips and place in one warp."""

import dataclasses

import tensorflow as tf

from kzoo.data.augmentation import geometry, pieces


@dataclasses.dataclass(frozen=True)
class Perspective:
    """f(example, seed) -> example of size (H, W), black where no picture is.

    Attributes:
      image_size: (H, W).
      scale: the range of the picture's size, 1 being that of its letterbox. Below 1 it
        lies somewhere on black; above 1 a part of it is cut out.
      rotation, shear: degrees, up to which either way.
      tilt: how much nearer, as a share, an edge of the picture may come than its
        middle, below 0.5.
      horizontal, vertical: the probabilities of the two flips.
      colour: see `kzoo.data.augmentation.pieces.recolour`; 0 for none.
      visible: a box is left out where less of its area remains.
    """

    image_size: tuple
    scale: tuple = (0.75, 1.5)
    rotation: float = 10.0
    shear: float = 2.0
    tilt: float = 0.1
    horizontal: float = 0.5
    vertical: float = 0.0
    colour: float = 0.2
    visible: float = 0.25

    def __post_init__(self):
        if not 0 <= self.tilt < 0.5:
            raise ValueError(f"tilt is {self.tilt}; it can be from 0 to below 0.5")

    def __call__(self, example, seed):
        draws = tf.random.stateless_uniform([14], seed)
        placed = geometry.Placed(
            example, self._matrix(example, draws[:10]), geometry.whole(example)
        )
        return geometry.collage(
            [placed],
            self.image_size,
            0.0,
            self.visible,
            lambda image: pieces.recolour(image, draws[10:], self.colour),
        )

    def _matrix(self, example, draws):
        height, width = self.image_size
        old_height, old_width = geometry.sides(example)
        fit = tf.minimum(height / old_height, width / old_width)
        zoom = fit * pieces.between(draws[0], *self.scale)
        turn, x, y, near_x, near_y = tf.unstack(
            (2 * draws[1:6] - 1)
            * [self.rotation, self.shear, self.shear, 2 * self.tilt, 2 * self.tilt]
        )
        matrix = geometry.sheared(x, y) @ geometry.turned(turn)
        matrix = matrix @ geometry.scaled(zoom, zoom)
        matrix = matrix @ geometry.tilted(near_x / old_width, near_y / old_height)
        # Its middle lies where, if only resized, it covers all or is covered.
        place = (draws[6:8] - 0.5) * [
            width - zoom * old_width,
            height - zoom * old_height,
        ]
        middle = tf.unstack(place + [width / 2, height / 2])
        matrix = geometry.around(matrix, (old_width / 2, old_height / 2), middle)
        across, down = draws[8] < self.horizontal, draws[9] < self.vertical
        return geometry.mirrored(self.image_size, across, down) @ matrix
