"""Average pooling to a fixed number of windows, as PyTorch's networks have it."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class AdaptiveAveragePooling2D(layers.Layer):
    """Means of `size` windows a side that cover a picture: (B, H, W, C) with H and W
    known to (B, size, size, C).

    Window i of n spans floor(i * H / n) to ceil((i + 1) * H / n), exclusive: windows
    overlap where H is no multiple of n. By two products with constants, since Keras'
    own layer cannot be traced for any batch.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def build(self, input_shape):
        if None in input_shape[1:3]:
            raise ValueError(
                f"{self.name} needs a fixed height and width, not {input_shape[1:3]}"
            )

    def call(self, x):
        rows, columns = (
            ops.convert_to_tensor(windows(side, self.size), x.dtype)
            for side in x.shape[1:3]
        )
        x = ops.einsum("ph,bhwc->bpwc", rows, x)
        return ops.einsum("qw,bpwc->bpqc", columns, x)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def windows(side, count):
    """(count, side) float32: row i has equal weights where window i is, 1 in all."""
    matrix = np.zeros((count, side), "float32")
    for i in range(count):
        start, end = i * side // count, -(-(i + 1) * side // count)
        matrix[i, start:end] = 1 / (end - start)
    return matrix
