"""A network that learns in seconds, and one batch for it, sound or with a fault."""

import keras
import numpy as np
from keras import layers

from kzoo.models.base import Model
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Spec
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

CLASSES, SIDE = 4, 16


def network(mode="torch", zero=False, logits_times=1.0, dropout=0.0):
    """A small classifier.

    Args:
      mode: of Preprocess.
      zero: whether all kernels begin as zeros.
      logits_times: what the logits are multiplied by.
      dropout: share of the features that the classifier does not get.
    """
    start = {"kernel_initializer": "zeros"} if zero else {}
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = Preprocess(mode, name="preprocess")(images)
    for i, filters in enumerate((16, 32), start=1):
        conv = layers.Conv2D(filters, 3, 2, "same", name=f"block{i}_conv", **start)
        x = layers.Activation("relu", name=f"block{i}_act")(conv(x))
    x = layers.Flatten(name="flat")(x)
    x = Dropout(dropout, name="dropout")(x)
    x = layers.Dense(CLASSES, name="logits", **start)(x)
    if logits_times != 1:
        x = layers.Rescaling(logits_times, name="louder")(x)
    model = Model(images, x, name="little")
    model.task = Classification(CLASSES)
    model.spec = Spec("little", {})
    return model


def batch(count=16, seed=0):
    """(images, labels): a bright square in one of four corners, in noise."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 90, (count, SIDE, SIDE, 3))
    labels = np.arange(count) % CLASSES
    for image, label in zip(images, labels):
        y, x = label // 2 * 8, label % 2 * 8
        image[y : y + 8, x : x + 8] += 160
    return images.astype("uint8"), labels.astype("int32")
