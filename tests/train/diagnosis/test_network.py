"""Each check is shown a sound network and one with a fault made on purpose."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo import models, train
from kzoo.train.diagnosis import FAIL, PASS, WARN, network
from tests.train import tiny
from tests.train.diagnosis import little


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return little.network()


def broken(**fault):
    keras.utils.set_random_seed(0)
    return little.network(**fault)


def test_initial_loss_of_even_odds_is_the_logarithm_of_the_classes():
    check = network.initial(broken(zero=True), *little.batch())
    assert check.verdict == PASS
    assert check.values["loss"] == pytest.approx(math.log(4))


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_initial_hinge_of_equal_scores(loss):
    even = broken(zero=True)
    even.task.loss = loss
    check = network.initial(even, *little.batch())
    assert check.verdict == PASS and check.values["loss"] == pytest.approx(3)


def test_initial_loss_of_a_fresh_network(model):
    assert network.initial(model, *little.batch()).verdict == PASS


def test_logits_that_begin_a_hundred_times_too_large():
    check = network.initial(broken(logits_times=100.0), *little.batch())
    assert check.verdict == FAIL and "logits begin too large" in str(check)


def test_labels_out_of_range_make_the_loss_too_small(model):
    images, labels = little.batch()
    assert network.initial(model, images, labels + 255).verdict == FAIL


def test_a_detector_begins_with_one_percent():
    detector = models.build(
        "retinanet(filters=8, depth=1)",
        backbone="resnet18(width=0.125)",
        classes=3,
        input_shape=(32, 32, 3),
    )
    images = np.zeros((2, 32, 32, 3), "uint8")
    assert network.initial(detector, images, None).verdict == PASS
    bias = detector.get_layer("logits_2").bias
    bias.assign(tf.zeros_like(bias))
    check = network.initial(detector, images, None)
    assert check.verdict == FAIL
    assert check.values["prior"] == pytest.approx(0.5, abs=0.05)


def test_an_ssd_begins_with_even_odds():
    detector = models.build(
        "ssdlite(width=0.125)",
        backbone="resnet18(width=0.125)",
        classes=3,
        input_shape=(64, 64, 3),
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("uint8")
    check = network.initial(detector, images, None)
    assert check.verdict == PASS and check.values["expected"] == 0.25
    bias = detector.get_layer("logits_1").bias
    # Of background, of six boxes at a position.
    bias.assign([-9.0, 0, 0, 0] * 6)
    detector.get_layer("logits_1").kernel.assign(tf.zeros((1, 1, 16, 24)))
    assert network.initial(detector, images, None).values["prior"] > 0.3


def test_gradients(model):
    check = network.gradients(model, *little.batch())
    assert check.verdict == PASS
    assert set(check.values["norms"]) == {w.path for w in model.trainable_weights}


def test_gradients_of_a_network_of_zeros():
    check = network.gradients(broken(zero=True), *little.batch())
    assert check.verdict == FAIL and "block1_conv/kernel" in check.advice


def test_gradients_that_are_not_finite(model):
    model.get_layer("logits").kernel.assign(np.full((512, 4), np.inf))
    assert network.gradients(model, *little.batch()).verdict == FAIL


def test_dead_units(model):
    assert network.dead_units(model, little.batch()[0]).verdict == PASS
    check = network.dead_units(broken(zero=True), little.batch()[0])
    assert check.verdict == FAIL
    assert check.values["shares"] == {"block1_act": 1.0, "block2_act": 1.0}


def test_dead_units_are_counted(model):
    """Six of sixteen channels with a bias that nothing overcomes."""
    bias = model.get_layer("block1_conv").bias
    bias.assign([-1e6] * 6 + [1e6] * 10)
    check = network.dead_units(model, little.batch()[0])
    assert check.values["shares"]["block1_act"] == 0.375
    assert check.verdict == WARN


def test_relus_of_a_head_that_serves_several_levels_are_found():
    detector = tiny.model("detector")
    shares = network.dead_units(detector, np.zeros((2, 32, 32, 3))).values["shares"]
    assert any("logits" in name for name in shares), shares


def ratios(model, rate, steps=20):
    images, labels = little.batch()
    dataset = tf.data.Dataset.from_tensors({"images": images, "targets": labels})
    step = train.TrainStep(
        model, train.optimizer("sgd", rate), tf.distribute.get_strategy()
    )
    return network.update_ratios(model, step, iter(dataset.repeat()), steps)


@pytest.mark.parametrize("rate, verdict", [(1e-3, PASS), (1e-9, FAIL), (100.0, FAIL)])
def test_size_of_updates(model, rate, verdict):
    assert ratios(model, rate).verdict == verdict


def test_the_first_update_of_plain_descent_is_rate_times_gradient(model):
    images, labels = little.batch()
    norms = network.gradients(model, images, labels).values["norms"]
    found = ratios(model, 0.01, steps=1).values["ratios"]
    for path, ratio in found.items():
        (weight,) = [w for w in model.weights if w.path == path]
        size = np.linalg.norm(weight.numpy())
        assert ratio == pytest.approx(0.01 * norms[path] / size, rel=1e-3)


def test_no_check_leaves_a_trace(model):
    before = [w.numpy() for w in model.variables]
    images, labels = little.batch()
    network.initial(model, images, labels)
    network.dead_units(model, images)
    ratios(model, 0.1)
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(variable.numpy(), value)
