"""A saved model is whole or absent; what is damaged says so in one line."""

import json
import math
import os

import h5py
import keras
import numpy as np
import pytest

import kzoo
from kzoo import models, saving
from kzoo.models.base import Model
from kzoo.ops.anchors import Anchors, anchor_shapes

SHAPE = (32, 32, 3)
STRIDES = (8, 16, 32, 64, 128)


def classifier(classes=2, seed=0):
    keras.utils.set_random_seed(seed)
    model = models.resnet18(classes=classes, width=0.0625, input_shape=SHAPE)
    model.task.class_names = [f"kind {i}" for i in range(classes)]
    return model


def outputs(model):
    pictures = np.random.default_rng(0).integers(0, 256, (1, *SHAPE)).astype("uint8")
    return keras.tree.flatten(model(pictures, training=False))


def assert_same(first, second):
    for a, b in zip(outputs(first), outputs(second), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def model():
    return classifier()


@pytest.fixture
def folder(model, tmp_path):
    kzoo.save(model, tmp_path / "model")
    return tmp_path / "model"


def edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_everything_comes_back(tmp_path):
    anchors = Anchors(STRIDES, [anchor_shapes(2 * s, (1,), (1, 2)) for s in STRIDES])
    backbone = models.resnet18(classes=None, width=0.0625, input_shape=SHAPE)
    model = models.retinanet(classes=2, backbone=backbone, anchors=anchors, filters=8)
    model.task.class_names = ["Zebra", "crossing"]
    model.task.box_loss = "giou"
    model.task.max_detections = 7
    kzoo.save(model, tmp_path / "deep" / "er" / "model", scores={"mAP": 0.5})
    loaded = kzoo.load(tmp_path / "deep" / "er" / "model")
    assert_same(model, loaded)
    assert loaded.task.class_names == ["Zebra", "crossing"]
    assert (loaded.task.box_loss, loaded.task.max_detections) == ("giou", 7)
    assert loaded.task.anchors == anchors
    description = saving.read_description(tmp_path / "deep" / "er" / "model")
    assert description["scores"] == {"mAP": 0.5}
    assert description["versions"] == {
        "kzoo": kzoo.__version__,
        "keras": keras.__version__,
    }


def test_class_names_come_back_from_a_keras_file_too(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(model, loaded)
    assert loaded.task.class_names == ["kind 0", "kind 1"]


def test_features_models_have_no_task_to_save(tmp_path):
    model = models.resnet18(classes=None, width=0.0625, input_shape=SHAPE)
    kzoo.save(model, tmp_path / "features")
    assert_same(model, kzoo.load(tmp_path / "features"))


def test_a_folder_may_be_moved_and_be_a_string(folder, model, tmp_path):
    os.rename(folder, tmp_path / "elsewhere")
    assert_same(model, kzoo.load(str(tmp_path / "elsewhere")))


def test_a_workdir_is_its_model(folder, model):
    assert_same(model, kzoo.load(folder.parent))


def test_saving_again_replaces(folder):
    other = classifier(classes=3, seed=1)
    kzoo.save(other, folder)
    assert_same(other, kzoo.load(folder))
    assert os.listdir(folder.parent) == ["model"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["weights", "first rename", "second rename"])
def test_a_killed_save_leaves_the_old_model(folder, model, monkeypatch, moment):
    other = classifier(classes=3, seed=1)
    renames = []

    def rename(source, target):
        renames.append(source)
        if len(renames) == (1 if moment == "first rename" else 2):
            raise Killed
        os.replace(source, target)

    def save_weights(path):
        path.write_bytes(b"half a fi")
        raise Killed

    if moment == "weights":
        monkeypatch.setattr(other, "save_weights", save_weights)
    else:
        monkeypatch.setattr(saving.os, "rename", rename)
    with pytest.raises(Killed):
        kzoo.save(other, folder)
    monkeypatch.undo()
    assert_same(model, kzoo.load(folder))
    assert_same(model, kzoo.load(folder.parent))
    kzoo.save(other, folder)
    assert_same(other, kzoo.load(folder))
    assert os.listdir(folder.parent) == ["model"]


def test_no_model_there(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match="no model in .*model.json"):
            kzoo.load(place)


def refused(folder, *words):
    """The one line of the error."""
    with pytest.raises(ValueError) as error:
        kzoo.load(folder)
    text = str(error.value)
    assert "\n" not in text and len(text) < 500
    for word in (str(folder), *words):
        assert word in text


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null", '"model"', "\0\xff"])
def test_a_damaged_description(folder, content):
    (folder / "model.json").write_text(content)
    refused(folder, "model.json")


def test_a_description_that_is_no_text(folder):
    (folder / "model.json").write_bytes(b"\x80\x81\xff")
    refused(folder, "model.json is damaged")


def test_a_truncated_description(folder):
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text[: len(text) // 2])
    refused(folder, "model.json is damaged")


def test_a_foreign_description(folder):
    (folder / "model.json").write_text('{"model_type": "bert"}')
    refused(folder, "is not a kzoo model", "arguments, builder, class_names, task")


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"builder": "resnet19"}, "no model 'resnet19'; kzoo has"),
        ({"builder": "__import__('os').abort()"}, "is no model"),
        ({"builder": None}, "None"),
        ({"builder": {"a": 1}}, "is no model"),
        ({"arguments": {"clases": 2}}, "no argument 'clases'"),
        ({"arguments": [2]}, "mapping"),
        ({"arguments": {"classes": "many"}}, "many"),
        ({"class_names": ["one"]}, "class_names are 2 names"),
        ({"class_names": None}, "class_names are 2 names"),
        ({"class_names": [1, 2]}, "class_names are 2 names"),
        ({"task": {"label_smoothin": 0.1}}, "label_smoothin"),
        ({"task": {"losses": 0.1}}, "losses"),
        ({"task": None}, "the task has settings"),
        (
            {"task": {"label_smoothing": "a lot"}},
            "the setting label_smoothing is a finite number, not 'a lot'",
        ),
        ({"task": {"label_smoothing": math.nan}}, "a finite number, not nan"),
        ({"task": {"label_smoothing": True}}, "a finite number, not True"),
        ({"task": {"label_smoothing": None}}, "a finite number, not None"),
        ({"task": {"loss": 1}}, "the setting loss is text, not 1"),
    ],
)
def test_an_edited_description(folder, changes, word):
    edit(folder, **changes)
    refused(folder, word)


@pytest.mark.parametrize("value", ["many", 7.5, True, None, [7]])
def test_a_count_is_a_whole_number(value):
    backbone = "resnet18(width=0.0625)"
    model = models.retinanet(
        classes=2, backbone=backbone, input_shape=(64, 64, 3), filters=8
    )
    config = saving.describe(model)
    config["task"]["max_detections"] = value
    with pytest.raises(ValueError, match="max_detections is a whole number, not"):
        Model.from_config(config)


def test_weights_of_another_size(folder):
    arguments = {"classes": 2, "width": 0.125, "input_shape": SHAPE}
    edit(folder, arguments=arguments)
    refused(folder, "does not hold the weights of resnet18")


def test_weights_of_another_network(folder):
    edit(folder, builder="resnet34")
    refused(folder, "does not hold the weights of resnet34")


@pytest.mark.parametrize("layer", ["conv2d_3", "batch_normalization_7", "dense"])
def test_weights_that_lack_a_layer(folder, layer):
    with h5py.File(folder / "model.weights.h5", "a") as file:
        del file["layers"][layer]
    refused(folder, "model.weights.h5 does not hold the weights of resnet18")


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_truncated_weights(folder, share):
    path = folder / "model.weights.h5"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(folder, "model.weights.h5 does not hold the weights of resnet18")


def test_weights_that_are_no_weights(folder):
    (folder / "model.weights.h5").write_bytes(b"<html>404</html>")
    refused(folder, "model.weights.h5 does not hold the weights")


def test_no_weights(folder):
    (folder / "model.weights.h5").unlink()
    refused(folder, "model.weights.h5")


def test_a_model_of_somebody_else_is_refused(tmp_path):
    images = keras.Input(SHAPE)
    other = keras.Model(images, keras.layers.Flatten()(images), name="theirs")
    with pytest.raises(ValueError, match="theirs was not made by a kzoo builder"):
        kzoo.save(other, tmp_path / "model")
    assert not os.listdir(tmp_path)


def test_a_backbone_of_somebody_else_is_refused(tmp_path):
    images = keras.Input((64, 64, 3))
    features, x = {}, images
    for level in range(1, 6):
        x = keras.layers.Conv2D(4, 3, 2, padding="same")(x)
        features[f"C{level}"] = x
    backbone = keras.Model(images, features)
    model = models.retinanet(classes=2, backbone=backbone, filters=8)
    assert model(np.zeros((1, 64, 64, 3)))["logits"].shape[0] == 1
    with pytest.raises(ValueError, match="has a backbone that was not made by a kzoo"):
        kzoo.save(model, tmp_path / "model")
    assert not os.listdir(tmp_path)
