"""Sizes that take turns: the same weights, the right batches, and an exact resume."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo import data, models, train
from kzoo.train import multi_scale
from tests.models.small import SMALL
from tests.train import program, tiny
from tests.train.test_loop import Interrupted, assert_same_state, state

SIZES = [(32, 32), (64, 32), (64, 64)]
PLAN = dataclasses.replace(program.PLAN, steps=12, steps_per_call=5)


def loop(folder, kind="dropout", strategy=None, every=2):
    strategy = strategy or train.strategy("one")
    source = tiny.source_for(kind)
    with strategy.scope():
        model = tiny.model(kind)
        optimizer = train.optimizer("sgd", 0.05, ema_momentum=0.5)
    make = lambda model: train.TrainStep(model, optimizer, strategy)
    step = train.MultiScale(model, make, SIZES, seed=3, every=every)

    def batches(start, worker, size, only):
        settings = {"training": True, "start_step": start, "worker": worker}
        return data.batches(source, program.BATCH, size, only=only, **settings)

    evaluate = program.evaluation(model, strategy, source)
    workdir = train.Workdir(folder)
    return train.Loop(step, batches, evaluate, PLAN, workdir, identity={})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, loop(folder).run()


def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(whole, tmp_path):
    running = loop(tmp_path)
    stop = lambda: os.kill(os.getpid(), signal.SIGTERM)
    running.train_step = Interrupted(running.train_step, 2, stop)
    with pytest.raises(train.Stopped):
        running.run()
    assert loop(tmp_path).run() == whole[1]
    assert_same_state(state(tmp_path), state(whole[0]))


def test_every_step_gets_the_batch_of_its_number_and_size(tmp_path):
    step = loop(tmp_path).train_step
    source, seen = tiny.source(), []

    class Noted:
        names = ["loss"]

        def __call__(self, iterator, steps):
            seen.extend(next(iterator) for _ in range(int(steps)))
            return tf.zeros((int(steps), 1))

    def batches(start, worker, size, only):
        return data.batches(source, 8, size, training=True, start_step=start, only=only)

    streams = step.stream(batches, 3)
    step._steps = [Noted()] * len(SIZES)
    assert step(streams, tf.constant(9)).shape == (9, 1)
    step(streams, tf.constant(8))
    sizes = []
    whole = {
        size: list(data.batches(source, 8, size, training=True, start_step=3).take(17))
        for size in SIZES
    }
    for number, batch in enumerate(seen, start=3):
        size = SIZES[int(step.turn(tf.constant(number, tf.int64)))]
        expected = whole[size][number - 3]
        np.testing.assert_array_equal(batch["images"], expected["images"])
        np.testing.assert_array_equal(batch["targets"], expected["targets"])
        sizes.append(size)
    assert len(seen) == 17 and set(sizes) == set(SIZES)
    # Steps 3 | 4 5 | 6 7 | ...
    assert all(sizes[i] == sizes[i + 1] for i in range(1, 16, 2))


def test_the_stream_of_a_size_has_no_end():
    """Else workers would ask each other before each step if there is more."""
    only = lambda step: step > 1
    batches = data.batches(tiny.source(), 8, 32, training=True, only=only)
    assert batches.repeat().cardinality() == tf.data.INFINITE_CARDINALITY
    later = data.batches(tiny.source(), 8, 32, training=True, start_step=2)
    np.testing.assert_array_equal(
        next(iter(batches))["index"], next(iter(later))["index"]
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_resized_model_is_that_of_the_size_with_the_same_weights(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        build = lambda size: models.build(
            "retinanet(filters=8, depth=1)",
            classes=3,
            backbone="resnet18(width=0.125)",
            input_shape=(*size, 3),
        )
        model, expected = build((64, 64)), build((96, 128))
        copy = multi_scale.resized(model, (96, 128))
    finally:
        keras.config.set_dtype_policy(before)
    assert copy.task is model.task and copy.spec is model.spec
    for mine, theirs in zip(copy.trainable_variables, model.trainable_variables):
        assert mine is theirs
    expected.set_weights(model.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (1, 96, 128, 3)).astype("f")
    for name, output in expected(images).items():
        np.testing.assert_allclose(copy(images)[name], output, rtol=1e-3, atol=1e-4)


DETECTORS = [name for name in models.names("detection") if name in SMALL]


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_is_resized_or_refuses(name):
    model = models.build(name, **SMALL[name])
    height, width = model.input_shape[1:3]
    size = (height + 32, width + 32)
    if name.startswith("yolo_v1"):
        with pytest.raises(ValueError, match="pixels alone, not for"):
            multi_scale.resized(model, size)
        return
    copy = multi_scale.resized(model, size)
    outputs = copy(np.zeros((1, *size, 3), "float32"))
    assert {x.shape[1] for x in outputs.values()} == {len(model.task.places(size))}


def test_sizes_that_are_no_multiple_are_named():
    model = tiny.model("plain")
    with pytest.raises(ValueError, match="100x64 is no size.*of 32, as 96x64"):
        multi_scale.check(model, [(32, 32), (100, 64)])


def test_a_size_that_a_layer_is_not_made_for_is_refused():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Dense(3)(keras.layers.Flatten()(images))
    with pytest.raises(ValueError, match="flat is made for 32x32 pixels alone, not fo"):
        multi_scale.resized(models.base.Model(images, x, name="flat"), (64, 64))
