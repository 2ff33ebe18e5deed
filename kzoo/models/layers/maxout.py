"""Maxout, Goodfellow et al., ICML 2013, https://arxiv.org/abs/1302.4389, section 3."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class Maxout(layers.Layer):
    """The largest of each `pieces` values: (..., C) to (..., C / pieces).

    After a dense layer or a convolution with `pieces` times as many units: unit i is
    the maximum of their channels i * pieces to (i + 1) * pieces, exclusive.

    Raises:
      ValueError: if the channels are no multiple of `pieces`.
    """

    def __init__(self, pieces=2, **kwargs):
        super().__init__(**kwargs)
        self.pieces = pieces

    def build(self, input_shape):
        if input_shape[-1] % self.pieces:
            raise ValueError(
                f"{input_shape[-1]} channels are no pieces of {self.pieces} each"
            )

    def call(self, x):
        largest = x[..., :: self.pieces]
        for piece in range(1, self.pieces):
            largest = ops.maximum(largest, x[..., piece :: self.pieces])
        return largest

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def get_config(self):
        return {**super().get_config(), "pieces": self.pieces}
