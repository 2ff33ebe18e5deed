"""`compile` and `fit` work on every model, through its task."""

import keras
import numpy as np
import pytest

import kzoo
from kzoo import models
from kzoo.models.base import Model

SHAPE = (64, 64, 3)


def pictures(count):
    """Black, with a white square whose place is known."""
    images = np.zeros((count, *SHAPE), "uint8")
    images[:, 16:48, 16:48] = 255
    return images


def detection_targets(count):
    return {
        "boxes": np.tile(np.float32([[[16, 16, 48, 48], [0, 0, 0, 0]]]), (count, 1, 1)),
        "labels": np.zeros((count, 2), "int32"),
        "valid": np.tile([[True, False]], (count, 1)),
    }


@pytest.mark.parametrize("name", ["resnet18", "retinanet"])
def test_the_loss_of_fit_is_the_sum_of_the_tasks(name):
    """One eager step, whose loss is of the weights before it."""
    model, data = small(name)
    model.compile("sgd", run_eagerly=True)
    expected = model.task.losses(model, *data, training=False)
    assert model.test_on_batch(*data) == pytest.approx(float(sum(expected.values())))
    before = [w.numpy() for w in model.trainable_weights]
    model.fit(*data, batch_size=2, verbose=0)
    changed = [np.any(w.numpy() != x) for w, x in zip(model.trainable_weights, before)]
    # The first steps of narrow heads are too small for some weights to notice.
    assert np.mean(changed) > 0.5


def small(name):
    if name == "resnet18":
        model = models.resnet18(classes=2, width=0.0625, input_shape=SHAPE)
        return model, (pictures(2), np.array([1, 0]))
    model = models.retinanet(
        classes=2, backbone="resnet18(width=0.0625)", input_shape=SHAPE, filters=8
    )
    return model, (pictures(2), detection_targets(2))


@pytest.mark.slow
def test_fit_learns_to_detect():
    keras.utils.set_random_seed(0)
    model = models.retinanet_v2(
        classes=2,
        backbone="resnet18(width=0.125)",
        input_shape=SHAPE,
        filters=32,
        depth=1,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    data = pictures(4), detection_targets(4)
    history = model.fit(*data, batch_size=2, epochs=8, verbose=0)
    losses = history.history["loss"]
    assert np.all(np.isfinite(losses)) and min(losses) < 0.5 * losses[0]
    evaluated = model.evaluate(*data, batch_size=4, verbose=0)
    terms = model.task.losses(model, *data, training=False)
    assert evaluated == pytest.approx(float(sum(terms.values())), rel=1e-4)


@pytest.mark.slow
def test_fit_learns_to_classify():
    keras.utils.set_random_seed(0)
    model = models.resnet18(classes=2, width=0.125, input_shape=SHAPE)
    model.compile("adam")
    images = np.concatenate([pictures(2), np.zeros((2, *SHAPE), "uint8")])
    history = model.fit(images, np.array([1, 1, 0, 0]), epochs=8, verbose=0)
    assert min(history.history["loss"]) < 0.5 * history.history["loss"][0]


def test_every_builder_gives_our_class():
    model = models.resnet18(width=0.0625, input_shape=SHAPE)
    assert isinstance(model, Model) and model.task.name == "classification"
    detector = kzoo.build("retinanet(filters=8)", backbone="resnet18(width=0.0625)")
    assert isinstance(detector, Model) and detector.task.name == "detection"


def test_a_config_builds_it_again():
    model = models.resnet18(classes=2, width=0.0625, input_shape=SHAPE)
    again = Model.from_config(model.get_config())
    assert again.spec == model.spec and again.task.class_names == ["0", "1"]
    shapes = [w.shape for w in model.weights]
    assert [w.shape for w in again.weights] == shapes
