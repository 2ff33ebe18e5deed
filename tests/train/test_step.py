"""One step: what is added to the loss, clipped, cut into parts, averaged."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo import models, train
from tests.train import program, tiny

ONE = train.strategy("one")


class Linear:
    """A task whose loss is the sum of weights times the numbers of the "images"."""

    def losses(self, model, images, targets, training):
        return {"linear": tf.reduce_sum(model(images, training=training))}


def linear_model(kernel, bias=0.5):
    """A model with kernel (2, 1) and a bias."""
    inputs = keras.Input((2,))
    layer = keras.layers.Dense(1)
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([np.reshape(kernel, (2, 1)), np.array([bias])])
    model.task = Linear()
    return model


def run(step, images, steps=1):
    batch = {"images": np.array(images, "float32"), "targets": np.zeros(len(images))}
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    return step(batches, tf.constant(steps)).numpy()


def values(model):
    return [w.numpy().reshape(-1).tolist() for w in model.trainable_weights]


def test_l2_is_the_decay_of_the_papers_and_of_kernels_alone():
    """With momentum 0.9: v = 0.9 v - w / 10, so 1, 0.9, 0.72. Decoupled: 0.81."""
    model = linear_model([1.0, -2.0])
    step = train.TrainStep(model, train.optimizer("sgd", 1.0), ONE, l2=0.1)
    rows = run(step, [[0.0, 0.0]], steps=2)
    assert step.names == ["loss", "linear", "l2"]
    # The bias is 0.5, its gradient 1: -0.5 after one step. 0.1 / 2 * (1 + 4).
    np.testing.assert_allclose(rows, [[0.75, 0.5, 0.25], [-0.2975, -0.5, 0.2025]])
    kernel, bias = values(model)
    np.testing.assert_allclose(kernel, [0.72, -1.44], rtol=1e-6)
    # v = -1, then -0.9 - 1: the bias feels its gradient and no decay.
    np.testing.assert_allclose(bias, [0.5 - 1 - 1.9], rtol=1e-6)


@pytest.mark.parametrize(
    "limit, kernel, bias",
    [(0, [-2, -1], -2), (1, [-2 / 3, -1 / 3], -2 / 3), (9, [-2, -1], -2)],
)
def test_clipping_is_of_all_gradients_together(limit, kernel, bias):
    """The gradients are 2, 1 and 2: their norm is 3."""
    model = linear_model([0.0, 0.0], bias=0.0)
    optimizer = train.optimizer("sgd", 1.0)
    run(train.TrainStep(model, optimizer, ONE, clip_norm=limit), [[1, 1], [1, 0]])
    np.testing.assert_allclose(values(model)[0], kernel, rtol=1e-6)
    np.testing.assert_allclose(values(model)[1], [bias], rtol=1e-6)


def test_a_weight_that_the_loss_does_not_reach_stays():
    model = linear_model([1.0, 1.0])
    model.task.losses = lambda model, images, targets, training: {
        "kernel": keras.ops.sum(model.trainable_weights[0])
    }
    run(train.TrainStep(model, train.optimizer("sgd", 1.0), ONE, clip_norm=9), [[1, 1]])
    assert values(model) == [[0.0, 0.0], [0.5]]


def trained(kind, steps=4, batch_norm="sync", a_call=1, source=None, **options):
    """(losses, weights) after some steps."""
    step = program.made(kind, ONE, **options)
    train.set_batch_norm(step.model, batch_norm)
    source = source or tiny.source_for(kind)
    losses = program.curve(step, program.batches(source), steps, a_call)
    return losses, program.weights(step.model)


def assert_same(first, second, atol):
    np.testing.assert_allclose(first[0], second[0], atol=atol)
    for name in first[1]:
        np.testing.assert_allclose(first[1][name], second[1][name], atol=atol)


@pytest.mark.parametrize("kind", ["plain", "dropout", "detector"])
def test_micro_batches_are_the_whole_batch(kind):
    """Also where the parts have 0 to 3 boxes a picture, and dropout draws anew."""
    options = {"batch_norm": "frozen", "l2": 1e-3}
    whole = trained(kind, **options)
    assert_same(trained(kind, micro_batches=4, **options), whole, 5e-6)


def test_micro_batches_must_divide_the_batch():
    with pytest.raises(
        ValueError, match="batch of 8 pictures cannot be cut into 3 mic"
    ):
        trained("plain", micro_batches=3)


def test_several_steps_a_call_are_single_steps():
    assert_same(trained("dropout", 6, a_call=3), trained("dropout", 6), 0)


def test_compiled_steps_are_the_same():
    assert_same(trained("batch_norm", 3, jit=True), trained("batch_norm", 3), 2e-6)


def test_compiling_for_several_devices_says_why_not():
    two = types.SimpleNamespace(num_replicas_in_sync=2)
    with pytest.raises(ValueError, match="XLA compiles for one device: with several"):
        train.TrainStep(None, None, two, jit=True)


def test_pictures_without_boxes_still_teach():
    losses, weights = trained("detector", source=tiny.source("detection", count=1))
    assert np.isfinite(losses).all() and (losses[:, 1] > 0).all()
    assert (losses[:, 2] == 0).all() and losses[-1, 0] < losses[0, 0]


def batch_norms(model):
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def moved(kind):
    """Which variables of the batch normalizations training moves."""
    step = program.made("batch_norm", ONE)
    train.set_batch_norm(step.model, kind)
    layers = batch_norms(step.model)
    before = [v.numpy() for x in layers for v in x.variables]
    step = train.TrainStep(step.model, train.optimizer("sgd", 0.1), ONE)
    program.curve(step, program.batches(tiny.source()), 1)
    after = [v.numpy() for x in layers for v in x.variables]
    return [(a != b).any() for a, b in zip(after, before)]


def test_batch_normalization_learns_or_is_frozen():
    assert all(moved("sync")) and all(moved("local")) and not any(moved("frozen"))


def test_batch_normalization_is_synchronized_only_if_asked():
    model = tiny.model("batch_norm")
    for kind in ("sync", "local"):
        train.set_batch_norm(model, kind)
        assert {x.synchronized for x in batch_norms(model)} == {kind == "sync"}
    with pytest.raises(
        ValueError, match="no batch norm 'global'; kzoo has sync, local"
    ):
        train.set_batch_norm(model, "global")


def test_averaged_weights_are_swapped_in_and_out():
    """SGD with gradient 1, rate 1: 0, -1, -2.9; half of each for the average."""
    model = linear_model([0.0, 0.0], bias=0.0)
    optimizer = train.optimizer("sgd", 1.0, ema_momentum=0.5)
    step = train.TrainStep(model, optimizer, ONE)
    with train.averaged_weights(model, optimizer):
        assert values(model) == [[0, 0], [0]]  # No step was taken: no average yet.
    run(step, [[1, 0]], steps=2)
    after = [[-2.9, 0], [-2.9]]
    np.testing.assert_allclose(sum(values(model), []), sum(after, []), rtol=1e-6)
    with pytest.raises(KeyError):
        with train.averaged_weights(model, optimizer):
            average = sum(values(model), [])
            raise KeyError
    np.testing.assert_allclose(average, [-1.95, 0, -1.95], rtol=1e-6)
    np.testing.assert_allclose(sum(values(model), []), sum(after, []), rtol=1e-6)


def test_without_an_average_the_weights_stay():
    model = linear_model([1.0, 2.0])
    with train.averaged_weights(model, train.optimizer("sgd", 1.0)):
        assert values(model) == [[1, 2], [0.5]]


def test_an_overflow_in_half_precision_skips_the_step():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        optimizer = train.optimizer("sgd", 1.0)
    finally:
        keras.config.set_dtype_policy(before)
    model = linear_model([0.0, 0.0])
    step = train.TrainStep(model, optimizer, ONE)
    run(step, [[3e38, 0.0]])
    assert values(model) == [[0, 0], [0.5]]
    assert float(optimizer.dynamic_scale.numpy()) == 2**14
    run(step, [[1.0, 0.0]])
    assert values(model) == [[-1, 0], [-0.5]]


@pytest.mark.parametrize(
    "steps, momentum", [(None, 0.999), (100_000, 0.999), (200, 0.9), (10, 0.0)]
)
def test_moving_statistics_remember_a_twentieth_of_the_run(steps, momentum):
    """20 of 200 steps are forgotten at 1 - 1/10 a step."""
    model = models.mobilenet_v2(classes=2, input_shape=(32, 32, 3), width=0.1)
    train.set_batch_norm(model, "local", steps)
    found = [layer.momentum for layer in model.layers if hasattr(layer, "momentum")]
    assert found == pytest.approx([momentum] * 52)  # of MobileNetV2's normalizations


def test_frozen_layers_and_their_statistics_stay():
    model = tiny.model("batch_norm")
    train.set_batch_norm(model, "sync")
    train.freeze(model, ["one"])
    before = {weight.path: weight.numpy() for weight in model.weights}
    step = train.TrainStep(model, train.optimizer("sgd", 0.05), ONE)
    program.curve(step, program.batches(tiny.source()), 2)
    for weight in model.weights:
        same = np.array_equal(before[weight.path], weight.numpy())
        assert same == weight.path.startswith("one"), weight.path


def test_a_layer_that_there_is_not_cannot_be_frozen():
    with pytest.raises(ValueError, match="no layer 'stage1'...; its layers begin with"):
        train.freeze(tiny.model("plain"), ["stage1"])
