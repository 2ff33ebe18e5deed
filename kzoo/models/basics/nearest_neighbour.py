"""The k nearest neighbours, Cover and Hart, IEEE Transactions on Information Theory
1967: a picture's class is what most of the k examples that are nearest to it have.

Pixels are compared, by the sum of absolute differences ("l1") or the root of the sum of
squares ("l2"). Nothing is learned: the training set is the model's weights, which
`remember` fills in, so that it is saved, loaded and exported as any model is.
"""

import keras
import numpy as np
from keras import layers, ops

from kzoo.models.base import Model
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "Cover, Hart",
    "Nearest Neighbor Pattern Classification",
    "IEEE Transactions on Information Theory 1967",
)
# An example that was not filled in yet is further away than any picture.
_FAR = 1e6
_AT_ONCE = 100


class Examples(layers.Layer):
    """The kernel has a row for each example: (B, D) to (B, examples) distances."""

    def __init__(self, examples, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.examples = examples

    def build(self, input_shape):
        far = keras.initializers.Constant(_FAR)
        shape = (self.examples, input_shape[-1])
        self.kernel = self.add_weight(shape, far, trainable=False, name="kernel")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.examples)

    def multiply_adds(self, inputs, outputs):
        return self.examples * inputs[-1]


@keras.saving.register_keras_serializable("kzoo")
class SquaredDistances(Examples):
    """|e - x| ** 2 but for |x| ** 2, which is the same for all examples e."""

    def call(self, x):
        squares = ops.sum(ops.square(self.kernel), axis=-1)
        return squares - 2.0 * ops.matmul(x, ops.transpose(self.kernel))


@keras.saving.register_keras_serializable("kzoo")
class AbsoluteDistances(Examples):
    """sum |e - x|, of some examples at a time: all would take B * examples * D."""

    def call(self, x):
        x = ops.expand_dims(x, 1)
        parts = [
            ops.sum(ops.abs(x - self.kernel[start : start + _AT_ONCE]), axis=-1)
            for start in range(0, self.examples, _AT_ONCE)
        ]
        return ops.concatenate(parts, axis=-1)


DISTANCES = {"l1": AbsoluteDistances, "l2": SquaredDistances}


@keras.saving.register_keras_serializable("kzoo")
class Votes(layers.Layer):
    """(B, examples) distances to (B, classes), logarithms of the nearest ones' shares.

    The kernel (examples, classes) is 1 where an example has the class.
    """

    def __init__(self, classes, k, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.classes, self.k = classes, k

    def build(self, input_shape):
        shape = (input_shape[-1], self.classes)
        self.kernel = self.add_weight(shape, "zeros", trainable=False, name="kernel")

    def call(self, distances):
        nearest = ops.top_k(-distances, self.k)[1]
        votes = ops.sum(ops.take(self.kernel, nearest, axis=0), axis=1)
        return ops.log(ops.maximum(votes / self.k, 1e-7))

    def multiply_adds(self, inputs, outputs):
        return 0


@register("classification", PAPER, 0, 15.36e6)
def nearest_neighbour(
    classes=10, input_shape=(32, 32, 3), k=1, distance="l2", examples=5000
):
    """Maps images (B, H, W, 3) to logits (B, classes): softmax gives shares of votes.

    In a tie the class with the lower number wins.

    Args:
      k: how many neighbours vote.
      distance: "l1" or "l2".
      examples: how many `remember` fills in, at most.

    Raises:
      ValueError: for another distance, more neighbours than examples, or classes=None:
        pixels are no features.
    """
    if distance not in DISTANCES:
        known = ", ".join(DISTANCES)
        raise ValueError(f"no distance {distance!r}; kzoo has {known}")
    if not 1 <= k <= examples:
        raise ValueError(f"of {examples} examples {k} cannot be the nearest")
    if classes is None:
        raise ValueError("nearest_neighbour has no features: it compares pixels")
    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", dtype="float32", name="preprocess")(images)
    x = layers.Flatten(dtype="float32", name="flatten")(x)
    x = DISTANCES[distance](examples, name="examples")(x)
    model = Model(images, Votes(classes, k, name="logits")(x), name="nearest_neighbour")
    model.task = Classification(classes)
    return model


def remember(model, pictures, labels):
    """Makes `pictures` (N, H, W, 3), 0..255, with `labels` (N,) the model's examples.

    Raises:
      ValueError: if there are more than the model has room for, or another shape.
    """
    layer, votes = model.get_layer("examples"), model.get_layer("logits")
    if len(pictures) != len(labels) or len(pictures) > layer.examples:
        raise ValueError(
            f"{len(pictures)} pictures with {len(labels)} labels are no up to "
            f"{layer.examples} examples"
        )
    if tuple(pictures.shape[1:]) != tuple(model.input_shape[1:]):
        raise ValueError(
            f"pictures are {pictures.shape[1:]}, not {model.input_shape[1:]}"
        )
    kernel = np.full(layer.kernel.shape, _FAR, "float32")
    scaled = model.get_layer("preprocess")(pictures)
    scaled = keras.ops.convert_to_numpy(scaled)
    kernel[: len(pictures)] = scaled.reshape(len(pictures), -1)
    layer.kernel.assign(kernel)
    known = np.zeros(votes.kernel.shape, "float32")
    known[np.arange(len(labels)), np.asarray(labels)] = 1
    votes.kernel.assign(known)
