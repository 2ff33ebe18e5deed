"""SSD and SSDLite in every format: holes, L2 normalization, softmax."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import kzoo
from kzoo import deploy, models
from kzoo.ops.anchors import ssd_anchors
from tests.golden import draw

pytestmark = pytest.mark.slow

SIZE = (64, 96)
TOLERANCES = {
    "saved_model": 1e-4,
    "tflite_float32": 1e-4,
    "onnx": 1e-4,
    "tflite_float16": 0.005,
    "tflite_int8": 0.1,
}
EXACT = ["saved_model", "tflite_float32", "onnx"]
MAPS = {"anchors": ssd_anchors(64, (8, 16, 32), (0.2, 0.4, 0.6, 0.8), [(2,)] * 3)}
SMALL = {
    "ssd300": {"backbone": "vgg11_bn(width=0.25)"},
    "ssdlite": {"backbone": "mobilenet_v3_small_torchvision(width=0.5)", "width": 0.25},
}


@pytest.fixture(scope="module", params=SMALL)
def model(request):
    """With statistics and heads that say something of each picture."""
    keras.utils.set_random_seed(0)
    arguments = {"classes": 3, "input_shape": (*SIZE, 3), **MAPS}
    model = models.build(request.param, **arguments, **SMALL[request.param])
    pictures = draw.pictures(16, *SIZE)
    for _ in range(60):
        outputs = model(pictures, training=True)
    ends = np.cumsum(model.task.counts(SIZE))[:-1]
    for name, spread in (("logits", 1.0), ("deltas", 0.5)):
        rows = np.split(keras.ops.convert_to_numpy(outputs[name]), ends, axis=1)
        for level, its_rows in enumerate(rows, start=1):
            layer = model.get_layer(f"{name}_{level}")
            layer.kernel.assign(layer.kernel * spread / its_rows.std())
    model.task.score_threshold = 0.2
    return model


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """f(model, format, nms) -> path."""
    calibration = draw.pictures(100, *SIZE, seed=1)

    def write(model, name, nms):
        folder = tmp_path_factory.mktemp(f"{model.name}_{name}_{nms}")
        return deploy.write(model, name, folder, calibration, nms)

    return write


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_boxs_place_and_scores_are_the_models(name, model, write):
    pictures = draw.pictures(4, *SIZE, seed=2)
    found = deploy.open(write(model, name, nms=False))(list(pictures))
    expected = model.task.candidates(model(pictures, training=False), SIZE)
    expected = {k: keras.ops.convert_to_numpy(v) for k, v in expected.items()}
    assert expected["scores"].max() > 0.5 and expected["scores"].std() > 0.05
    expected = [dict(zip(expected, one)) for one in zip(*expected.values())]
    error = deploy.largest_error(expected, found, [SIZE] * 4)
    assert error < TOLERANCES[name]


@pytest.mark.parametrize("name", EXACT)
def test_detections_are_the_models(name, model, write):
    pictures = list(draw.pictures(3, *SIZE, seed=3))
    expected = kzoo.predict(model, pictures)
    assert all(len(one["scores"]) > 3 for one in expected)
    done = deploy.check(write(model, name, nms=True), pictures, expected)
    assert done.max_error < 1e-4


def test_logits_and_boxes_are_quantised_apart(model, write):
    """Two tensors come out of the int8 body, each with its own scale."""
    path = write(model, "tflite_int8", nms=False)
    lite = Interpreter(str(path), num_threads=1)
    scales = {t["index"]: t["quantization"][0] for t in lite.get_tensor_details()}
    left = [op for op in lite._get_ops_details() if op["op_name"] == "DEQUANTIZE"]
    assert len({scales[op["inputs"][0]] for op in left}) == 2
