"""YOLO v1, v2 and Darknet's local convolution in every format: the reorganization of
memory, products of matrices for each position, scores of two outputs."""

import keras
import pytest

from kzoo import models
from tests.deploy.detectors import (
    EXACT,
    detections_error,
    rows_error,
    scales,
    see,
    speak,
    tolerances,
)
from tests.golden import draw

pytestmark = pytest.mark.slow

SIZE = (64, 128)
# The heads are drawn: what they add up is much larger than the sums.
TOLERANCES = tolerances(float16=0.03, int8=0.2)
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
    keras.utils.set_random_seed(0)
    arguments = dict(ARGUMENTS[name])
    if name == "yolo_v1":
        arguments["stride"] = 16
    model = models.build(name, classes=3, input_shape=(*SIZE, 3), **arguments)
    see(model)
    outputs = model(draw.pictures(16, *SIZE), training=False)
    for output, (spread, mean) in HEADS[name[:7]].items():
        speak(model.get_layer(f"head_{output}"), outputs[output], spread, mean)
    model.task.score_threshold = 0.1
    return model


@pytest.fixture(scope="module", params=["yolo_v1", "yolo_v2"])
def model(request):
    return build(request.param)


@pytest.fixture(scope="module", params=["yolo_v1_darknet", "yolo_v2_tiny"])
def relative(request):
    return build(request.param)


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_rows_box_and_scores_are_the_models(name, model, written):
    assert rows_error(model, written(model, name, nms=False)) < TOLERANCES[name]


@pytest.mark.parametrize("name", ["tflite_float32", "onnx", "tflite_int8"])
def test_those_of_its_relatives_too(name, relative, written):
    error = rows_error(relative, written(relative, name, nms=False))
    assert error < TOLERANCES[name]


@pytest.mark.parametrize("name", EXACT)
def test_detections_are_the_models(name, model, written):
    assert detections_error(model, written(model, name, nms=True)) < 1e-4


def test_classes_objectness_and_boxes_are_quantised_apart(model, written):
    assert len(scales(written(model, "tflite_int8", nms=False))) == 3
