"""The weights that a transformer puts in front of and onto its tokens."""

import math

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("kzoo")
class ClassToken(layers.Layer):
    """Puts a learnt token before the others: (B, N, C) -> (B, 1 + N, C)."""

    def build(self, input_shape):
        shape = (1, 1, input_shape[-1])
        self.token = self.add_weight(shape=shape, initializer="zeros", name="token")

    def call(self, tokens):
        shape = (ops.shape(tokens)[0], 1, tokens.shape[-1])
        return ops.concatenate([ops.broadcast_to(self.token, shape), tokens], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] + 1, input_shape[2])


@keras.saving.register_keras_serializable("kzoo")
class PositionEmbedding(layers.Layer):
    """Adds a learnt vector to each token: the first, then those of `grid`, by rows."""

    def __init__(self, grid, **kwargs):
        super().__init__(**kwargs)
        self.grid = tuple(grid)

    def build(self, input_shape):
        self.embedding = self.add_weight(
            shape=(1, *input_shape[1:]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="embedding",
        )

    def call(self, tokens):
        return tokens + self.embedding

    def compute_output_shape(self, input_shape):
        return input_shape

    def resized_weights(self, arrays):
        """{name: array} of an embedding in `arrays` that is of another, square grid.

        Dosovitskiy et al. 2021, section 3.2: it is interpolated by place in the
        picture, here bicubically. The first token has no place and keeps its vector.
        `kzoo.weights` calls this before it compares shapes.
        """
        name = self.embedding.path
        if name not in arrays or arrays[name].shape == tuple(self.embedding.shape):
            return {}
        first, rest = arrays[name][:, :1], arrays[name][:, 1:]
        side = math.isqrt(rest.shape[1])
        if side * side != rest.shape[1]:
            return {}
        grid = ops.image.resize(
            rest.reshape(1, side, side, -1),
            self.grid,
            interpolation="bicubic",
            antialias=True,
            data_format="channels_last",
        )
        rest = ops.reshape(grid, (1, -1, rest.shape[-1]))
        return {name: ops.convert_to_numpy(ops.concatenate([first, rest], axis=1))}

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}
