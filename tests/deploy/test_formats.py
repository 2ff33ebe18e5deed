"""What is true of every file that ships, whatever its format."""

import keras
import numpy as np
import pytest
from keras import ops

import kzoo
from kzoo import deploy

EXACT = ["saved_model", "tflite_float32", "onnx"]
ALL = list(deploy.FORMATS)


def raw(model, pictures):
    """Each anchor's box and scores, by the formulas of the papers in NumPy."""
    outputs = model(np.stack(pictures).astype("float32"), training=False)
    logits = ops.convert_to_numpy(outputs["logits"])
    deltas = ops.convert_to_numpy(outputs["deltas"])
    height, width = model.input_shape[1:3]
    anchors = model.task.anchors(height, width)
    size = anchors[:, 2:] - anchors[:, :2]
    middle = anchors[:, :2] + size / 2 + deltas[..., :2] * size
    half = np.exp(deltas[..., 2:]) * size / 2
    boxes = np.concatenate([middle - half, middle + half], axis=-1)
    boxes = np.clip(boxes, 0, [width, height, width, height])
    scores = 1 / (1 + np.exp(-logits))
    return [{"boxes": b, "scores": s} for b, s in zip(boxes, scores)]


def error(expected, answers, pictures, nms=None):
    sizes = [picture.shape[:2] for picture in pictures]
    return deploy.largest_error(expected, answers, sizes, nms)


def test_the_detector_of_these_tests_finds_something(model, pictures):
    answers = kzoo.predict(model, pictures)
    assert all(3 < len(answer["scores"]) < 100 for answer in answers)
    assert {c for answer in answers for c in answer["classes"]} == {0, 1, 2}


@pytest.mark.parametrize("name", EXACT)
def test_raw_outputs_equal_the_models(name, model, file, pictures):
    answers = deploy.open(file(name, nms=False))(pictures)
    assert error(raw(model, pictures), answers, pictures) < 1e-4


@pytest.mark.parametrize("name", EXACT)
def test_detections_equal_the_models_where_no_kzoo_is(name, model, file, pictures):
    done = deploy.check(file(name), pictures, kzoo.predict(model, pictures))
    assert done.max_error < 1e-4


@pytest.mark.parametrize(
    "name, tolerance",
    [("tflite_float16", 0.005), ("tflite_dynamic", 0.02), ("tflite_int8", 0.1)],
)
def test_less_precision_costs_little(name, tolerance, model, file, pictures):
    answers = deploy.open(file(name, nms=False))(pictures)
    assert 1e-6 < error(raw(model, pictures), answers, pictures) < tolerance


@pytest.mark.parametrize("name", ["saved_model", "onnx"])
def test_boxes_lie_in_the_pictures_own_pixels(name, model, file, odd_pictures):
    """By another road: letterboxed one by one, outside the graph."""
    expected = kzoo.predict(model, odd_pictures)
    assert sum(len(answer["scores"]) for answer in expected) > 10
    answers = deploy.open(file(name))(odd_pictures)
    nms = deploy.inspect(file(name))["nms"]
    assert error(expected, answers, odd_pictures, nms) < 1e-3
    for answer, picture in zip(answers, odd_pictures):
        height, width = picture.shape[:2]
        assert np.all(answer["boxes"] >= 0)
        assert np.all(answer["boxes"] <= [width, height, width, height])


@pytest.mark.parametrize("name", ALL)
def test_a_picture_of_twice_the_size_has_boxes_of_twice_the_size(name, file, pictures):
    """Each pixel four times: the letterbox halves it again without a difference."""
    run = deploy.open(file(name))
    large = [picture.repeat(2, axis=0).repeat(2, axis=1) for picture in pictures]
    for small, big in zip(run(pictures), run(large)):
        np.testing.assert_allclose(big["boxes"], 2 * small["boxes"], atol=1e-2)
        np.testing.assert_allclose(big["scores"], small["scores"], atol=1e-4)
        np.testing.assert_array_equal(big["classes"], small["classes"])


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_picture_gets_an_answer(name, file):
    random = np.random.default_rng(5)
    shapes = [(1, 1, 3), (7, 200), (30, 20, 1), (64, 96, 4), (64, 96, 3)]
    pictures = [random.integers(0, 256, s).astype(np.uint8) for s in shapes]
    answers = deploy.open(file(name))([*pictures, np.zeros((64, 96, 3), np.uint8)])
    assert len(answers) == 6
    for answer in answers:
        count = len(answer["scores"])
        assert answer["boxes"].shape == (count, 4)
        assert answer["boxes"].dtype == answer["scores"].dtype == np.float32
        assert answer["classes"].dtype == np.int32
        assert len(answer["names"]) == count


@pytest.mark.parametrize("name", ALL)
def test_a_file_says_what_it_takes_and_gives(name, file):
    told = deploy.inspect(file(name))
    assert told["class_names"] == ["cat", "dog", "traffic light"]
    assert (told["input"]["height"], told["input"]["width"]) == (64, 96)
    assert list(told["outputs"]) == ["boxes", "scores", "classes", "count"]
    assert told["nms"]["max_detections"] == 100
    # ImageNet's mean and deviation of red, which the file itself applies.
    normal = told["normalisation"]
    assert normal["inside"] and normal["mode"] == "torch"
    assert -normal["offset"][0] / normal["scale"][0] == pytest.approx(0.485 * 255)
    assert 1 / normal["scale"][0] == pytest.approx(0.229 * 255)


@pytest.mark.parametrize("name", ["saved_model", "tflite_float32", "onnx"])
def test_a_classifier_ships_too(name, classifier, tmp_path):
    random = np.random.default_rng(0)
    pictures = list(random.integers(0, 256, (5, 32, 32, 3)).astype(np.uint8))
    path = deploy.write(classifier, name, tmp_path)
    expected = kzoo.predict(classifier, pictures)
    answers = deploy.open(path)(pictures)
    assert error(expected, answers, pictures) < 1e-5
    assert [x["name"] for x in answers] == [x["name"] for x in expected]
    assert deploy.inspect(path)["outputs"].keys() == {"scores", "classes"}


def test_a_format_that_does_not_exist_names_those_that_do(model, tmp_path):
    with pytest.raises(ValueError, match="'coreml'.*saved_model.*tflite_int8.*onnx"):
        deploy.write(model, "coreml", tmp_path)


def test_a_model_without_a_task_or_a_size_does_not_ship(tmp_path):
    images = keras.Input((8, 8, 3))
    bare = kzoo.models.base.Model(images, keras.layers.Flatten()(images), name="bare")
    with pytest.raises(ValueError, match="bare has no task"):
        deploy.saved_model(bare, tmp_path / "x")
    images = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    loose = kzoo.models.base.Model(images, pooled, name="loose")
    loose.task = kzoo.tasks.classification.Classification(3)
    with pytest.raises(ValueError, match="loose takes pictures of any size"):
        deploy.onnx(loose, tmp_path / "x.onnx")


def test_writing_says_nothing(classifier, tmp_path, capfd):
    for name in EXACT:
        deploy.write(classifier, name, tmp_path)
    assert capfd.readouterr() == ("", "")
