"""Reorganization, Redmon and Farhadi, CVPR 2017, https://arxiv.org/abs/1612.08242.

The passthrough of its section 2, "Fine-Grained Features", as the authors' code computes
it: not the same as moving each 2x2 pixels to channels, which the paper describes.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class Reorg(layers.Layer):
    """(B, H, W, C) to (B, H / 2, W / 2, 4 C), sides and C / 4 whole.

    Darknet keeps a picture channels first, reads that memory as C / 4 channels of
    twice the sides, moves each 2x2 pixels there to channels, and reads the result as
    4 C channels of half the sides. Published weights expect just this order. No tensor
    has more than five dimensions, for LiteRT.

    Raises:
      ValueError: for other sides or channels.
    """

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if channels % 4 or (height or 0) % 2 or (width or 0) % 2:
            raise ValueError(
                f"{self.name} halves even sides and needs channels in fours; it gets "
                f"{height}x{width} and {channels}"
            )

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        rows = channels // 4 * height
        x = ops.transpose(x, (0, 3, 1, 2))
        x = ops.reshape(x, (-1, rows, 2, width, 2))
        x = ops.transpose(x, (0, 2, 4, 1, 3))
        x = ops.reshape(x, (-1, 4 * channels, height // 2, width // 2))
        return ops.transpose(x, (0, 2, 3, 1))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and height // 2, width and width // 2, 4 * channels)
