"""Local response normalization, Krizhevsky et al., NIPS 2012, section 3.3."""

import keras
from keras import layers, ops

from kzoo.ops.native import local_response_normalization


@keras.saving.register_keras_serializable("kzoo")
class LocalResponseNormalization(layers.Layer):
    """Divides each value by the strength of its neighbours in the channels.

    (B, H, W, C) to the same shape: x / (k + alpha * s) ** beta, where s is the sum of
    squares of the `size` channels around x; there are fewer at both ends.

    The defaults are the paper's. Caffe and PyTorch divide their alpha by `size`: for
    their networks give alpha / size here, and k=1 where they name none.

    Raises:
      ValueError: for an even `size`, which has no channel in its middle.
    """

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0, **kwargs):
        super().__init__(**kwargs)
        if size % 2 == 0:
            raise ValueError(f"the channels around one are odd in number, not {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, x):
        # In float32: squares of half precision overflow, and alpha is lost beside k.
        y = local_response_normalization(
            ops.cast(x, "float32"), self.size, self.alpha, self.beta, self.k
        )
        return ops.cast(y, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        facts = {name: getattr(self, name) for name in ("size", "alpha", "beta", "k")}
        return {**super().get_config(), **facts}
