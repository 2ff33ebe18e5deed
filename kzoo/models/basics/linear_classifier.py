"""The linear classifier: one matrix from pixels to scores.

With the softmax loss it is multinomial logistic regression; with the hinge loss the
multiclass support vector machine of Weston and Watkins, ESANN 1999. The loss is an
argument since it says which of them the same network is.
"""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import LOSSES, Classification

PAPER = Paper(
    "Weston, Watkins",
    "Support Vector Machines for Multi-Class Pattern Recognition",
    "ESANN 1999",
)


@register("classification", PAPER, 30_730, 30_720)
def linear_classifier(classes=10, input_shape=(32, 32, 3), loss="cross_entropy"):
    """Maps images (B, H, W, 3) to logits (B, classes).

    Args:
      loss: "cross_entropy", "hinge" or "squared_hinge".

    Raises:
      ValueError: for another loss, or classes=None: pixels are no features.
    """
    if loss not in LOSSES:
        raise ValueError(f"no loss {loss!r}; kzoo has {', '.join(LOSSES)}")
    if classes is None:
        raise ValueError("linear_classifier has no features: it takes pixels")
    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(classes, dtype="float32", name="logits")(x)
    model = Model(images, x, name="linear_classifier")
    model.task = Classification(classes, loss)
    return model
