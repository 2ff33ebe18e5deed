"""SSD and SSDLite in every format: holes, L2 normalization, softmax."""

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.ops.anchors import ssd_anchors
from tests.deploy.detectors import (
    EXACT,
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
MAPS = {"anchors": ssd_anchors(64, (8, 16, 32), (0.2, 0.4, 0.6, 0.8), [(2,)] * 3)}
SMALL = {
    "ssd300": {"backbone": "vgg11_bn(width=0.25)"},
    "ssdlite": {"backbone": "mobilenet_v3_small_torchvision(width=0.5)", "width": 0.25},
}


@pytest.fixture(scope="module", params=SMALL)
def model(request):
    keras.utils.set_random_seed(0)
    arguments = {"classes": 3, "input_shape": (*SIZE, 3), **MAPS}
    model = models.build(request.param, **arguments, **SMALL[request.param])
    outputs = see(model)
    ends = np.cumsum(model.task.counts(SIZE))[:-1]
    for name, spread in (("logits", 1.0), ("deltas", 0.5)):
        rows = np.split(keras.ops.convert_to_numpy(outputs[name]), ends, axis=1)
        for level, its_rows in enumerate(rows, start=1):
            speak(model.get_layer(f"{name}_{level}"), its_rows, spread)
    model.task.score_threshold = 0.2
    return model


@pytest.mark.parametrize("name", TOLERANCES)
def test_each_boxs_place_and_scores_are_the_models(name, model, written):
    assert rows_error(model, written(model, name, nms=False)) < TOLERANCES[name]


@pytest.mark.parametrize("name", EXACT)
def test_detections_are_the_models(name, model, written):
    assert detections_error(model, written(model, name, nms=True)) < 1e-4


def test_logits_and_boxes_are_quantised_apart(model, written):
    assert len(scales(written(model, "tflite_int8", nms=False))) == 2
