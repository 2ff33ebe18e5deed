"""YOLO v1, v2 and Darknet's local convolution in every format: the reorganization of
memory, products of matrices for each position, scores of two outputs."""

import keras
import pytest
from ai_edge_litert.interpreter import Interpreter

import kzoo
from kzoo import deploy, models
from tests.golden import draw

pytestmark = pytest.mark.slow

SIZE = (64, 128)
TOLERANCES = {
    "saved_model": 1e-4,
    "tflite_float32": 1e-4,
    "onnx": 1e-4,
    # The heads are drawn: what they add up is much larger than the sums.
    "tflite_float16": 0.03,
    "tflite_int8": 0.2,
}
EXACT = ["saved_model", "tflite_float32", "onnx"]
# Those of the cfgs are three times as wide as these pictures.
PRIORS = ((0.5, 0.5), (1.0, 1.5), (2.0, 1.0))
ARGUMENTS = {
    "yolo_v1": {"backbone": "resnet18(width=0.125)", "filters": 32, "units": 64},
    "yolo_v1_darknet": {"backbone": "resnet18(width=0.125)", "filters": 64},
    "yolo_v2": {
        "backbone": "resnet18(width=0.125)",
        "filters": 64,
        "anchors": PRIORS,
    },
    "yolo_v2_tiny": {
        "backbone": "darknet_reference(width=0.25)",
        "filters": (32, 32),
        "anchors": PRIORS,
    },
}
# What makes the heads say something: (spread, mean) of each raw output.
HEADS = {
    "yolo_v1": {"logits": (0.3, 0.5), "objectness": (0.3, 0.5), "deltas": (0.1, 0.5)},
    "yolo_v2": {"logits": (1.0, 0), "objectness": (1.5, 0), "deltas": (0.3, 0.0)},
}


def build(name):
    """With statistics and heads that say something of each picture."""
    keras.utils.set_random_seed(0)
    arguments = dict(ARGUMENTS[name])
    if name == "yolo_v1":
        arguments["stride"] = 16
    model = models.build(name, classes=3, input_shape=(*SIZE, 3), **arguments)
    pictures = draw.pictures(16, *SIZE)
    for _ in range(60):
        model(pictures, training=True)
    outputs = model(pictures, training=False)
    for output, (spread, mean) in HEADS[name[:7]].items():
        layer = model.get_layer(f"head_{output}")
        scale = spread / float(keras.ops.std(outputs[output]))
        layer.kernel.assign(layer.kernel * scale)
        layer.bias.assign(keras.ops.full_like(layer.bias, mean))
    model.task.score_threshold = 0.1
    return model


@pytest.fixture(scope="module", params=["yolo_v1", "yolo_v2"])
def model(request):
    return build(request.param)


@pytest.fixture(scope="module", params=["yolo_v1_darknet", "yolo_v2_tiny"])
def relative(request):
    return build(request.param)


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """f(model, format, nms) -> path."""
    calibration = draw.pictures(100, *SIZE, seed=1)

    def write(model, name, nms):
        folder = tmp_path_factory.mktemp(f"{model.name}_{name}_{nms}")
        return deploy.write(model, name, folder, calibration, nms)

    return write


def largest_error(model, path):
    """Of boxes and scores of every row, of four pictures."""
    pictures = draw.pictures(4, *SIZE, seed=2)
    found = deploy.open(path)(list(pictures))
    expected = model.task.candidates(model(pictures, training=False), SIZE)
    expected = {k: keras.ops.convert_to_numpy(v) for k, v in expected.items()}
    assert expected["scores"].max() > 0.4 and expected["scores"].std() > 0.05
    sides = expected["boxes"][..., 2:] - expected["boxes"][..., :2]
    assert sides.mean() > 5 and sides.std() > 2
    expected = [dict(zip(expected, one)) for one in zip(*expected.values())]
    return deploy.largest_error(expected, found, [SIZE] * 4)


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_rows_box_and_scores_are_the_models(name, model, write):
    assert largest_error(model, write(model, name, nms=False)) < TOLERANCES[name]


@pytest.mark.parametrize("name", ["tflite_float32", "onnx", "tflite_int8"])
def test_those_of_its_relatives_too(name, relative, write):
    assert largest_error(relative, write(relative, name, nms=False)) < TOLERANCES[name]


@pytest.mark.parametrize("name", EXACT)
def test_detections_are_the_models(name, model, write):
    pictures = list(draw.pictures(3, *SIZE, seed=3))
    expected = kzoo.predict(model, pictures)
    assert all(len(one["scores"]) > 1 for one in expected)
    done = deploy.check(write(model, name, nms=True), pictures, expected)
    assert done.max_error < 1e-4


def test_classes_objectness_and_boxes_are_quantised_apart(model, write):
    """Three tensors come out of the int8 body, each with its own scale."""
    path = write(model, "tflite_int8", nms=False)
    lite = Interpreter(str(path), num_threads=1)
    scales = {t["index"]: t["quantization"][0] for t in lite.get_tensor_details()}
    left = [op for op in lite._get_ops_details() if op["op_name"] == "DEQUANTIZE"]
    assert len({scales[op["inputs"][0]] for op in left}) == 3
