"""FCOS in every format: group normalization, exp or ReLU, roots of two scores."""

import keras
import pytest

from kzoo import models
from tests.deploy.detectors import (
    detections_error,
    rows_error,
    scales,
    see,
    speak,
    tolerances,
)

pytestmark = pytest.mark.slow

SIZE = (64, 96)
TOLERANCES = tolerances()
# What makes the heads say something: (spread, mean) of each raw output.
HEADS = {"logits": (1.0, 0.0), "centerness": (1.0, 0.5), "deltas": (0.3, 1.0)}
LARGE = {**HEADS, "deltas": (0.3, 2.5)}  # exp of it are pixels, not strides


def build(name, heads):
    keras.utils.set_random_seed(0)
    model = models.build(
        name,
        classes=3,
        backbone="resnet18(width=0.125)",
        input_shape=(*SIZE, 3),
        filters=64,  # of 32, a group of P7 is one value, which LiteRT cannot in int8
        depth=1,
    )
    outputs = see(model)
    for output, (spread, mean) in heads.items():
        speak(model.get_layer(f"{output}_2"), outputs[output], spread, mean)
    model.task.score_threshold = 0.1
    return model


@pytest.fixture(scope="module")
def model():
    return build("fcos", HEADS)


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_points_box_and_scores_are_the_models(name, model, written):
    assert rows_error(model, written(model, name, nms=False)) < TOLERANCES[name]


def test_the_original_ones_too(written):
    original = build("fcos_original", LARGE)
    assert rows_error(original, written(original, "onnx", nms=False)) < 1e-4


@pytest.mark.parametrize("name", ["tflite_float32", "onnx"])
def test_detections_are_the_models(name, model, written):
    assert detections_error(model, written(model, name, nms=True)) < 1e-4


def test_logits_boxes_and_centerness_are_quantised_apart(model, written):
    path = written(model, "tflite_int8", nms=False)
    assert len(scales(path, rows=sum(model.task.counts(SIZE)))) == 3
