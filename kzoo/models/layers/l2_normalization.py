"""L2 normalization with a learnt scale, Liu et al., 2015, section 3.3.

ParseNet, https://arxiv.org/abs/1506.04579.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class L2Normalization(layers.Layer):
    """Gives the channels at each position the length 1, then scales each channel.

    (B, H, W, C) to the same shape: x * scale / sqrt(the sum of x * x over channels).

    Args:
      scale: what the C learnt scales start from.
    """

    def __init__(self, scale=20.0, **kwargs):
        super().__init__(**kwargs)
        self.initial_scale = scale

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.initial_scale),
        )

    def call(self, x):
        # In float32: squares of half precision overflow.
        y = ops.cast(x, "float32")
        length = ops.sqrt(ops.sum(ops.square(y), axis=-1, keepdims=True) + 1e-10)
        # In this order LiteRT has one operation of it, which stands int8 where a
        # position has next to no length.
        return ops.cast(y / length * ops.cast(self.scale, "float32"), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "scale": self.initial_scale}
