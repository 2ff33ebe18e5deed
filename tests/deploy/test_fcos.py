"""FCOS in every format: group normalization, exp or ReLU, roots of two scores."""

import keras
import pytest
from ai_edge_litert.interpreter import Interpreter

import kzoo
from kzoo import deploy, models
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
# What makes the drawn heads say something: (spread, mean) of each raw output.
HEADS = {
    "fcos": {"logits": (1.0, 0.0), "centerness": (1.0, 0.5), "deltas": (0.3, 1.0)},
    "fcos_original": {
        "logits": (1.0, 0.0),
        "centerness": (1.0, 0.5),
        "deltas": (0.3, 2.5),
    },
}


def build(name):
    """With statistics and heads that say something of each picture."""
    keras.utils.set_random_seed(0)
    model = models.build(
        name,
        classes=3,
        backbone="resnet18(width=0.125)",
        input_shape=(*SIZE, 3),
        filters=64,  # of 32, a group of P7 is one value, which LiteRT cannot in int8
        depth=1,
    )
    pictures = draw.pictures(16, *SIZE)
    for _ in range(60):
        outputs = model(pictures, training=True)
    for output, (spread, mean) in HEADS[name].items():
        layer = model.get_layer(f"{output}_2")
        scale = spread / float(keras.ops.std(outputs[output]))
        layer.kernel.assign(layer.kernel * scale)
        layer.bias.assign(keras.ops.full_like(layer.bias, mean))
    model.task.score_threshold = 0.1
    return model


@pytest.fixture(scope="module")
def model():
    return build("fcos")


@pytest.fixture(scope="module")
def original():
    return build("fcos_original")


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """f(model, format, nms) -> path."""
    calibration = draw.pictures(100, *SIZE, seed=1)

    def write(model, name, nms):
        folder = tmp_path_factory.mktemp(f"{model.name}_{name}_{nms}")
        return deploy.write(model, name, folder, calibration, nms)

    return write


def largest_error(model, path):
    """Of boxes and scores of every point, of four pictures."""
    pictures = draw.pictures(4, *SIZE, seed=2)
    found = deploy.open(path)(list(pictures))
    expected = model.task.candidates(model(pictures, training=False), SIZE)
    expected = {k: keras.ops.convert_to_numpy(v) for k, v in expected.items()}
    assert expected["scores"].max() > 0.5 and expected["scores"].std() > 0.05
    sides = expected["boxes"][..., 2:] - expected["boxes"][..., :2]
    assert sides.mean() > 5 and sides.std() > 2
    expected = [dict(zip(expected, one)) for one in zip(*expected.values())]
    return deploy.largest_error(expected, found, [SIZE] * 4)


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_points_box_and_scores_are_the_models(name, model, write):
    assert largest_error(model, write(model, name, nms=False)) < TOLERANCES[name]


def test_the_original_ones_too(original, write):
    assert largest_error(original, write(original, "onnx", nms=False)) < 1e-4


@pytest.mark.parametrize("name", ["tflite_float32", "onnx"])
def test_detections_are_the_models(name, model, write):
    pictures = list(draw.pictures(3, *SIZE, seed=3))
    expected = kzoo.predict(model, pictures)
    assert all(len(one["scores"]) > 3 for one in expected)
    done = deploy.check(write(model, name, nms=True), pictures, expected)
    assert done.max_error < 1e-4


def test_logits_boxes_and_centerness_are_quantised_apart(model, write):
    """Three tensors come out of the int8 body behind the last level's rows, each with
    its own scale; the others that do are variances, inside of a normalization."""
    path = write(model, "tflite_int8", nms=False)
    lite = Interpreter(str(path), num_threads=1)
    tensors = {t["index"]: t for t in lite.get_tensor_details()}
    rows = sum(model.task.counts(SIZE))
    left = [
        tensors[op["inputs"][0]]
        for op in lite._get_ops_details()
        if op["op_name"] == "DEQUANTIZE"
    ]
    whole = [t["quantization"][0] for t in left if t["shape"][1] == rows]
    assert len(whole) == len(set(whole)) == 3
