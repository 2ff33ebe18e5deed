"""YOLOX in every format: pixels into channels, three pools, sides doubled, scores of
two outputs."""

import keras
import pytest

from kzoo import models
from tests.deploy.detectors import (
    detections_error,
    rows_error,
    scales,
    tolerances,
)
from tests.golden import draw

pytestmark = pytest.mark.slow

SIZE = (64, 96)
TOLERANCES = tolerances(int8=0.2)


@pytest.fixture(scope="module")
def model():
    """With drawn weights, and heads that say something of each picture."""
    model = models.yolox_nano(classes=3, width=0.125, input_shape=(*SIZE, 3))
    drawn = draw.weights({w.path: tuple(w.shape) for w in model.weights})
    for weight in model.weights:
        weight.assign(drawn[weight.path])
    outputs = model(draw.pictures(100, *SIZE), training=False)
    for name, spread in (("logits", 1.5), ("objectness", 2.0), ("deltas", 0.3)):
        scale = spread / float(keras.ops.std(outputs[name]))
        for level in ("P3", "P4", "P5"):
            layer = model.get_layer(f"{name}_{level}")
            layer.kernel.assign(layer.kernel * scale)
            layer.bias.assign(layer.bias * 0)
    model.task.score_threshold = 0.5
    return model


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_cells_box_and_scores_are_the_models(name, model, written):
    assert rows_error(model, written(model, name, nms=False)) < TOLERANCES[name]


@pytest.mark.parametrize("name", ["tflite_float32", "onnx"])
def test_detections_are_the_models(name, model, written):
    assert detections_error(model, written(model, name, nms=True)) < 1e-4


def test_logits_boxes_and_objectness_are_quantised_apart(model, written):
    assert len(scales(written(model, "tflite_int8", nms=False))) == 3
