"""Randomized leaky ReLU, Xu et al., https://arxiv.org/abs/1505.00853, section 2.4."""

import keras
from keras import layers, ops

from kzoo.ops.native import global_rows


@keras.saving.register_keras_serializable("kzoo")
class RReLU(layers.Layer):
    """x where it is not negative, else x / a; the shape stays.

    While training, a is drawn for each value from `lower` to `upper`, evenly; else it
    is the middle of both. 3 and 8 are the paper's. PyTorch's RReLU multiplies by what
    it draws from 1/8 to 1/3, whose mean is another slope.

    Raises:
      ValueError: unless 0 < lower <= upper.
    """

    def __init__(self, lower=3.0, upper=8.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 < lower <= upper:
            raise ValueError(f"0 < lower <= upper, not {lower} and {upper}")
        self.lower, self.upper, self.seed = lower, upper, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=False):
        if not training:
            return ops.where(x < 0, x * (2 / (self.lower + self.upper)), x)
        count, *others = ops.shape(x)
        # For the rows of the global batch, so that devices do not matter.
        first, total = global_rows(count)
        shape = [total, *others]
        seed = self.seed_generator
        a = keras.random.uniform(shape, self.lower, self.upper, seed=seed)
        a = ops.cast(a[first : first + count], x.dtype)
        return ops.where(x < 0, x / a, x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        facts = {name: getattr(self, name) for name in ("lower", "upper", "seed")}
        return {**super().get_config(), **facts}
