"""L-BFGS against a minimum that is known, and against scikit-learn's."""

import keras
import numpy as np
import pytest

from kzoo import train
from kzoo.models.base import Model
from kzoo.tasks.classification import Classification


def linear(features, classes):
    """A model that is a linear classifier of pictures (1, 1, features)."""
    images = keras.Input((1, 1, features))
    x = keras.layers.Flatten()(images)
    model = Model(images, keras.layers.Dense(classes, name="logits")(x))
    model.task = Classification(classes)
    return model


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 4)) + 0.8 * np.eye(4)[labels]
    return x.astype("float32")[:, None, None], labels


def test_it_finds_the_minimum_that_scikit_learn_finds(rows):
    from sklearn.linear_model import LogisticRegression

    images, labels = rows
    model, l2 = linear(4, 3), 0.01
    batches = [(images[:25], labels[:25]), (images[25:], labels[25:])]
    losses = train.lbfgs(model, batches, steps=200, l2=l2)
    assert losses[-1] < losses[0] and np.all(np.diff(losses) < 1e-6)
    # scikit-learn's C weighs the sum over pictures, ours the decay of their mean.
    found = LogisticRegression(C=1 / (l2 * 60), tol=1e-8, max_iter=1000)
    found.fit(images[:, 0, 0], labels)
    kernel, bias = (weight.numpy() for weight in model.trainable_weights)
    np.testing.assert_allclose(kernel, found.coef_.T, atol=2e-3)
    differences = bias - bias[0], found.intercept_ - found.intercept_[0]
    np.testing.assert_allclose(*differences, atol=2e-3)


def test_each_step_is_told(rows):
    told = []
    losses = train.lbfgs(
        linear(4, 3), [rows], steps=5, after_step=lambda *row: told.append(row)
    )
    assert [step for step, _ in told] == [1, 2, 3, 4, 5]
    assert [loss for _, loss in told] == losses[1:]
