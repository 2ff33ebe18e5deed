"""Short trainings tell sound settings from broken ones."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo import train
from kzoo.train.diagnosis import FAIL, PASS, WARN, learning
from tests.train import tiny
from tests.train.diagnosis import little


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return little.network()


def by_heart(model, images, labels, **settings):
    done = learning.overfit(model, images, labels, progress=False, **settings)
    return done, learning.overfit_check(done, len(images))


def test_a_sound_network_learns_by_heart(model):
    done, check = by_heart(model, *little.batch(), steps=150)
    assert check.verdict == PASS
    assert done.value == 1.0 and len(done.losses) == done.steps < 150


def test_a_network_of_zeros_does_not():
    _, check = by_heart(little.network(zero=True), *little.batch(), steps=30)
    assert check.verdict == FAIL


def test_labels_that_are_not_those_of_the_pictures(model):
    """The same picture with each of four labels, as when two lists got out of step."""
    images, labels = little.batch()
    done, check = by_heart(model, np.repeat(images[:4], 4, 0), labels, steps=40)
    assert check.verdict == FAIL and "batch.png" in check.advice
    assert done.value == 0.25


def test_nothing_is_dropped_meanwhile_and_afterwards_again():
    """Where all is dropped, nothing can be learnt."""
    keras.utils.set_random_seed(0)
    model = little.network(dropout=1.0)
    images, labels = little.batch()
    done, _ = by_heart(model, images, labels, steps=150)
    assert done.value == 1.0
    assert model.get_layer("dropout").rate == 1.0
    logits = model(images, training=True)
    np.testing.assert_array_equal(logits, np.tile(logits[:1], (len(images), 1)))
    done, _ = by_heart(
        little.network(dropout=1.0), images, labels, steps=20, dropout=True
    )
    assert done.value == 0.25


def test_moving_statistics_catch_up_in_few_steps():
    """A momentum of 0.999 would evaluate with the statistics of the beginning."""
    keras.utils.set_random_seed(0)
    slow = tiny.model("batch_norm")
    for layer in slow._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.999
    source = tiny.source()
    images = np.stack([example["image"] for example in source.read()])
    labels = np.array([example["label"] for example in source.read()])
    done, _ = by_heart(slow, images, labels, steps=100, rate=0.01)
    assert done.value == 1.0


def parabola(rate):
    """The loss of descent on w**2 / 2, with noise, at a rate that grows: stable until
    2, where 1 - rate is beyond -1.
    """
    rng = np.random.default_rng(0)
    rates = np.geomspace(1e-4, 100, 120).tolist()
    weight, losses = 1.0, []
    for now in rates:
        losses.append(weight * weight / 2)
        weight -= now * (weight + rng.normal(0, 0.1))
        if losses[-1] > 1e6:
            break
    rates = rates[: len(losses)]
    return rates, losses, learning.rate_check(rates, losses, rate)


@pytest.mark.parametrize("rate, verdict", [(0.3, PASS), (1e-5, WARN), (50.0, FAIL)])
def test_a_parabola_of_curvature_one_diverges_from_two(rate, verdict):
    rates, losses, check = parabola(rate)
    found = learning.suggest(rates, losses)
    assert 0.1 < found.rate < 2 < found.diverged < 10
    assert check.verdict == verdict


def test_no_rate_helps_where_the_loss_never_falls():
    rates = np.geomspace(1e-6, 1, 50).tolist()
    assert learning.rate_check(rates, [1.0] * 50, 0.1).verdict == FAIL
    assert learning.suggest(rates, [math.nan] * 50).rate is None


def test_moving_means():
    assert learning.smooth([2.0] * 50) == pytest.approx([2.0] * 50)
    assert learning.smooth([3.0, 0.0, 0.0, 6.0]) == pytest.approx([1.5, 1, 2, 3])


def test_the_range_is_run_from_low_to_high_and_leaves_no_trace(model):
    """Each picture twice, once with a wrong label: a loss of 0, which would hide a rate
    of a hundred, cannot be reached.
    """
    before = [v.numpy() for v in model.variables]
    images, labels = (np.concatenate([x, x]) for x in little.batch())
    labels[:8] = (labels[:8] + 1) % 4
    dataset = tf.data.Dataset.from_tensors({"images": images, "targets": labels})
    rates, losses = learning.rate_range(
        model,
        lambda rate: train.optimizer("sgd", rate),
        iter(dataset.repeat()),
        high=1e4,
        progress=False,
    )
    assert rates[0] == pytest.approx(1e-6) and len(rates) == len(losses)
    assert rates[-1] < 1e4, "it ends where the loss grows"
    found = learning.suggest(rates, losses)
    assert found.rate < found.diverged
    assert learning.rate_check(rates, losses, 100.0).verdict == FAIL
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(variable.numpy(), value)
