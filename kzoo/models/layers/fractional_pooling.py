"""Fractional max pooling, Graham 2014, https://arxiv.org/abs/1412.6071, section 2."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class FractionalMaxPooling2D(layers.Layer):
    """Makes sides smaller by a `ratio` between 1 and 2: (B, H, W, C), with H and W
    known, to (B, H / ratio, W / ratio, C), rounded down.

    Windows of `size` begin at steps of 1 and 2 in a pseudorandom order (section 2.1),
    so that they overlap; two numbers say which, one for each side. While training they
    are drawn anew for each batch, else once from `seed`: the same pictures give the
    same, and files hold fixed windows. Window i begins where PyTorch's does: at
    floor((i + u) * a) - floor(u * a), where a is (H - size) / (H' - 1) and u was drawn;
    the last one ends where the picture does.

    Raises:
      ValueError: for a ratio that is not between 1 and 2, or open or too short sides.
    """

    def __init__(self, ratio=2**0.5, size=2, seed=0, **kwargs):
        super().__init__(**kwargs)
        if not 1 < ratio < 2:
            raise ValueError(f"the ratio is between 1 and 2, not {ratio}")
        self.ratio, self.size, self.seed = ratio, size, seed
        self.fixed = np.random.default_rng(seed).random(2)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        sides = input_shape[1:3]
        if None in sides or min(sides) < self.size:
            raise ValueError(
                f"{self.name} needs a known height and width of {self.size} or more, "
                f"not {sides}"
            )

    def call(self, x, training=False):
        pooled = ops.max_pool(x, (self.size, self.size), (1, 1), "valid")
        if training:
            draws = keras.random.uniform((2,), seed=self.seed_generator)
            draws = [draws[0], draws[1]]
        else:
            draws = self.fixed
        for axis, draw in enumerate(draws, start=1):
            starts = self.starts(x.shape[axis], draw, training)
            pooled = ops.take(pooled, starts, axis=axis)
        return pooled

    def starts(self, side, draw, traced=False):
        """Where the windows of a side begin, (side / ratio,) int32."""
        count = self.count(side)
        step = (side - self.size) / max(1, count - 1)
        if traced:
            i = ops.arange(count, dtype="float32")
            begin = ops.floor((i + draw) * step) - ops.floor(draw * step)
            begin = ops.where(i < count - 1, begin, float(side - self.size))
            return ops.cast(begin, "int32")
        i = np.arange(count)
        begin = np.floor((i + draw) * step) - np.floor(draw * step)
        return np.where(i < count - 1, begin, side - self.size).astype("int32")

    def count(self, side):
        return int(side / self.ratio)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, self.count(height), self.count(width), channels)

    def get_config(self):
        facts = {name: getattr(self, name) for name in ("ratio", "size", "seed")}
        return {**super().get_config(), **facts}
