"""Scaled dot-product attention (Vaswani et al., NIPS 2017) for every export."""

import math

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class Attention(layers.Layer):
    """Multi-head attention between projections; it has no weights of its own.

    Maps [query (B, N, C), key (B, M, C), value (B, M, C)] to (B, N, C): each of the
    `heads` sees its own C / heads channels.
    """

    def __init__(self, heads, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def call(self, inputs):
        query, key, value = (self._split(x) for x in inputs)
        # Scaled first: half precision then has room for the sums.
        query = query * (1 / math.sqrt(query.shape[-1]))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        x = ops.matmul(ops.cast(weights, value.dtype), value)
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (-1, *inputs[0].shape[1:]))

    def _split(self, x):
        """(B, N, C) -> (B, heads, N, C / heads)."""
        tokens, channels = x.shape[1:]
        x = ops.reshape(x, (-1, tokens, self.heads, channels // self.heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def multiply_adds(self, inputs_shape, outputs_shape):
        """Of both products of self-attention; kzoo.models.counting calls it."""
        tokens, channels = inputs_shape[1:]
        return 2 * tokens * tokens * channels

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable("kzoo")
def gelu(x):
    """x times the normal distribution's function of x, Hendrycks and Gimpel 2016.

    Keras' own is by erfc, which ONNX files do not have. In this form LiteRT's converter
    finds its builtin.
    """
    return 0.5 * x * (1 + ops.erf(x / 1.4142135623730951))
