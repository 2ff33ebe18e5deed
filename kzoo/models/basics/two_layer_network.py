"""The network with one hidden layer, which back-propagation made learnable: Rumelhart,
Hinton and Williams, Nature 1986. ReLU takes the place of their sigmoid.
"""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import LOSSES, Classification

PAPER = Paper(
    "Rumelhart, Hinton, Williams",
    "Learning Representations by Back-Propagating Errors",
    "Nature 1986",
)


@register("classification", PAPER, 308_310, 308_200)
def two_layer_network(
    classes=10, input_shape=(32, 32, 3), units=100, loss="cross_entropy"
):
    """Maps images (B, H, W, 3) by `units` hidden ones to logits (B, classes).

    Raises:
      ValueError: for an unknown loss, or classes=None.
    """
    if loss not in LOSSES:
        raise ValueError(f"no loss {loss!r}; kzoo has {', '.join(LOSSES)}")
    if classes is None:
        raise ValueError("two_layer_network has no features: it takes pixels")
    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(
        units, "relu", kernel_initializer="he_normal", name="hidden_dense"
    )(x)
    x = layers.Dense(classes, dtype="float32", name="logits")(x)
    model = Model(images, x, name="two_layer_network")
    model.task = Classification(classes, loss)
    return model
