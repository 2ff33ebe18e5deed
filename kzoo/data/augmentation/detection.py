"""What training does to a picture with boxes when it is not told otherwise."""

import tensorflow as tf

from kzoo.data.augmentation import pieces


def augmentation(
    image_size, scale=(0.75, 1.5), horizontal=0.5, vertical=0.0, colour=0.2
):
    """Scale jitter with a crop, colour, flips: one resize a picture.

    Args:
      image_size: (H, W), or the side of a square.
      scale: the range of the picture's size, 1 being that of its letterbox. Below 1 it
        lies somewhere on black; above 1 a part of it is cut out.
      horizontal, vertical: the probabilities of the two flips.
      colour: see `kzoo.data.augmentation.pieces.recolour`; 0 for none.

    Returns:
      f(example, seed (2,)) -> example, its "image" (H, W, 3) float32 in 0..255.
    """
    size = pieces.height_and_width(image_size)

    def augment(example, seed):
        draws = tf.random.stateless_uniform([9], seed)
        zoom = pieces.between(draws[0], *scale)
        example = pieces.jitter(example, size, zoom, draws[1:3], draws[3:7], colour)
        example = pieces.flip(example, draws[7] < horizontal, axis=1)
        return (
            pieces.flip(example, draws[8] < vertical, axis=0) if vertical else example
        )

    return augment
