"""The graphs that ship, before any converter has seen them."""

import keras
import numpy as np
import pytest
from keras import layers

from kzoo import deploy
from kzoo.deploy import graphs


def test_serving_runs_in_inference_mode(model, pictures):
    """As Keras' own predict does; in training mode the statistics would change too."""
    before = [variable.numpy().copy() for variable in model.variables]
    outputs = deploy.serving(model, nms=False)(np.stack(pictures))
    logits = model.predict(np.stack(pictures), verbose=0)["logits"]
    np.testing.assert_allclose(outputs["scores"], 1 / (1 + np.exp(-logits)), atol=1e-6)
    for old, variable in zip(before, model.variables):
        np.testing.assert_array_equal(old, variable.numpy())


def test_pictures_of_a_batch_do_not_know_each_other(model, pictures):
    serve = deploy.serving(model)
    together = serve(np.stack(pictures))
    for row, picture in enumerate(pictures):
        alone = serve(picture[None])
        assert alone["count"][0] == together["count"][row]
        for name in ("boxes", "scores", "classes"):
            np.testing.assert_allclose(alone[name][0], together[name][row], atol=1e-4)


def test_outputs_have_the_promised_names_and_types(model, pictures):
    outputs = deploy.serving(model)(np.stack(pictures[:2]))
    found = {name: (x.shape.as_list(), x.dtype.name) for name, x in outputs.items()}
    assert found == {
        "boxes": ([2, 100, 4], "float32"),
        "scores": ([2, 100], "float32"),
        "classes": ([2, 100], "int32"),
        "count": ([2], "int32"),
    }


def test_rows_past_the_count_are_zero(model, pictures):
    outputs = deploy.serving(model)(pictures[0][None])
    count = int(outputs["count"][0])
    assert 0 < count < 100
    for name in ("boxes", "scores", "classes"):
        assert not np.any(outputs[name][0, count:])


def test_a_model_in_half_precision_ships_in_float32(tmp_path):
    """Its twin has the same weights and the same task."""
    from kzoo.models import build

    arguments = dict(classes=2, input_shape=(64, 64, 3))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = build("resnet18", **arguments)
    finally:
        keras.config.set_dtype_policy("float32")
    half.task.class_names = ["left", "right"]
    whole = build("resnet18", **arguments)
    whole.set_weights(half.get_weights())
    twin = graphs.in_float32(half)
    assert twin.task.class_names == ["left", "right"]
    assert keras.config.dtype_policy().name == "float32"
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3))
    np.testing.assert_array_equal(
        twin(picture, training=False), whole(picture, training=False)
    )


def test_a_float32_model_is_its_own_twin(model):
    assert graphs.in_float32(model) is model


def test_a_layer_that_acts_only_in_training_does_not_act(tmp_path):
    """Dropout of everything: the scores would all be the same."""
    from kzoo.models.base import Model
    from kzoo.tasks.classification import Classification

    images = keras.Input((8, 8, 3), name="images")
    x = layers.Dropout(0.99)(layers.Flatten()(images))
    model = Model(images, layers.Dense(3)(x), name="dropping")
    model.task = Classification(3)
    picture = np.full((1, 8, 8, 3), 9, np.uint8)
    serve = deploy.serving(model)
    first = serve(picture)["scores"]
    assert np.ptp(first) > 1e-3
    assert all(np.array_equal(first, serve(picture)["scores"]) for _ in range(3))


@pytest.mark.parametrize("nms", [True, False])
def test_body_and_tail_together_are_the_whole(nms, model, pictures):
    """On pictures of the network's own size."""
    whole, body = deploy.serving(model, nms), graphs.body(model)
    tail = graphs.tail(model, nms)
    for picture in pictures[:2]:
        expected, found = whole(picture[None]), tail(body(picture[None]))
        for name, value in expected.items():
            np.testing.assert_allclose(value, found[name], atol=1e-4)
