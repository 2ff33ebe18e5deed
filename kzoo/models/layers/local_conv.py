"""A convolution whose kernel is another one at each position."""

import math

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class LocalConv2D(layers.Layer):
    """(B, H, W, C) with H and W known to (B, H, W, filters): 3x3, one pixel of zeros
    around.

    Its kernel is (H W, 9 C, filters), inputs in the order row, column, channel; its
    bias (H, W, filters). Keras 3 has no such layer.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if None in (height, width):
            raise ValueError(
                f"{self.name} needs a fixed height and width, not ({height}, {width})"
            )
        self.kernel = self.add_weight(
            shape=(height * width, 9 * channels, self.filters),
            initializer=he_normal_of_each,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(height, width, self.filters), initializer="zeros", name="bias"
        )

    def call(self, x):
        _, height, width, channels = x.shape
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        shifts = [
            x[:, row : row + height, column : column + width]
            for row in range(3)
            for column in range(3)
        ]
        x = ops.concatenate(shifts, axis=-1)
        x = ops.reshape(x, (-1, height * width, 9 * channels))
        # Positions first: one product of matrices for each.
        x = ops.matmul(ops.transpose(x, (1, 0, 2)), self.kernel)
        x = ops.reshape(ops.transpose(x, (1, 0, 2)), (-1, height, width, self.filters))
        return x + self.bias

    def multiply_adds(self, inputs, outputs):
        """A position has its own kernel."""
        return math.prod(self.kernel.shape)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def he_normal_of_each(shape, dtype=None):
    """Of (positions, inputs, filters): each position is a layer of its own."""
    positions, inputs, filters = shape
    draw = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    return ops.reshape(draw((inputs, positions * filters), dtype), shape)
