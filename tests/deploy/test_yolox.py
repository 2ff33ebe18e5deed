"""YOLOX in every format: pixels into channels, three pools, sides doubled, scores of
two outputs."""

import functools

import keras
import pytest
from ai_edge_litert.interpreter import Interpreter

import kzoo
from kzoo import deploy, models
from tests.golden import draw

pytestmark = pytest.mark.slow

SIZE = (64, 96)
PICTURES = draw.pictures(100, *SIZE)
TOLERANCES = {
    "saved_model": 1e-4,
    "tflite_float32": 1e-4,
    "onnx": 1e-4,
    "tflite_float16": 0.005,
    "tflite_int8": 0.2,
}


@pytest.fixture(scope="module")
def model():
    """With drawn weights, and heads that say something of each picture."""
    model = models.yolox_nano(classes=3, width=0.125, input_shape=(*SIZE, 3))
    drawn = draw.weights({w.path: tuple(w.shape) for w in model.weights})
    for weight in model.weights:
        weight.assign(drawn[weight.path])
    outputs = model(PICTURES, training=False)
    for name, spread in (("logits", 1.5), ("objectness", 2.0), ("deltas", 0.3)):
        scale = spread / float(keras.ops.std(outputs[name]))
        for level in ("P3", "P4", "P5"):
            layer = model.get_layer(f"{name}_{level}")
            layer.kernel.assign(layer.kernel * scale)
            layer.bias.assign(layer.bias * 0)
    model.task.score_threshold = 0.5
    return model


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    """f(format, nms) -> path, each written once."""

    @functools.cache
    def write(name, nms):
        folder = tmp_path_factory.mktemp(f"{name}_{nms}")
        return deploy.write(model, name, folder, PICTURES, nms)

    return write


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_cells_box_and_scores_are_the_models(name, model, files):
    found = deploy.open(files(name, False))(list(PICTURES[:4]))
    expected = model.task.candidates(model(PICTURES[:4], training=False), SIZE)
    expected = {k: keras.ops.convert_to_numpy(v) for k, v in expected.items()}
    assert expected["scores"].max() > 0.5 and expected["scores"].std() > 0.05
    expected = [dict(zip(expected, one)) for one in zip(*expected.values())]
    error = deploy.largest_error(expected, found, [SIZE] * 4)
    assert error < TOLERANCES[name]


@pytest.mark.parametrize("name", ["tflite_float32", "onnx"])
def test_detections_are_the_models(name, model, files):
    pictures = list(PICTURES[:3])
    expected = kzoo.predict(model, pictures)
    assert all(len(one["scores"]) > 3 for one in expected)
    done = deploy.check(files(name, True), pictures, expected)
    assert done.max_error < 1e-4


def test_logits_boxes_and_objectness_are_quantised_apart(files):
    """Three tensors come out of the int8 body, each with its own scale."""
    lite = Interpreter(str(files("tflite_int8", False)), num_threads=1)
    scales = {t["index"]: t["quantization"][0] for t in lite.get_tensor_details()}
    left = [op for op in lite._get_ops_details() if op["op_name"] == "DEQUANTIZE"]
    assert len({scales[op["inputs"][0]] for op in left}) == 3
