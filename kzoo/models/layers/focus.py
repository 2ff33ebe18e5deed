"""Focus, the stem of YOLOX: pixels become channels (Ge et al. 2021, their code)."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class Focus(layers.Layer):
    """Of each square of four pixels the left top one, the one below it, the right top
    one and the one below that, behind each other.

    (B, H, W, C) to (B, H / 2, W / 2, 4 C); sides are rounded up over zeros.
    TensorFlow's space_to_depth goes by rows; published weights want this order.
    """

    def call(self, x):
        _, height, width, _ = x.shape
        odd = [side is not None and side % 2 for side in (height, width)]
        if any(odd):
            x = ops.pad(x, [[0, 0], [0, int(odd[0])], [0, int(odd[1])], [0, 0]])
        corners = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return ops.concatenate(corners, axis=-1)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        sides = [None if side is None else -(-side // 2) for side in (height, width)]
        return (batch, *sides, 4 * channels)
