"""Dropout, Srivastava et al., JMLR 2014, section 4, independent of the devices."""

import keras
from keras import layers, ops

from kzoo.ops.native import global_rows


@keras.saving.register_keras_serializable("kzoo")
class Dropout(layers.Dropout):
    """keras.layers.Dropout, with one mask for the rows of the global batch.

    Keras' own uses one mask on every replica, since all have the same seed: rows that
    lie on different devices then lose the same units. Here each replica draws for all
    rows and takes its own, so that one device and many train to the same weights.
    """

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        shape = [*ops.shape(inputs)]
        if self.noise_shape:
            shape = [size or own for size, own in zip(self.noise_shape, shape)]
        count = ops.shape(inputs)[0]
        first, total = global_rows(count)
        noise = keras.random.uniform([total, *shape[1:]], seed=self.seed_generator)
        kept = noise[first : first + count] >= self.rate
        # Where the rate is 1 nothing is kept, and nothing is divided by zero.
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0.0
        return ops.where(kept, inputs * ops.cast(scale, inputs.dtype), 0)
