"""All six YOLOX against the authors' networks, on drawn weights.

Raw outputs, boxes and final detections, within 1e-4 of the largest absolute value
(measured: 7e-6).
"""

import json

import keras
import numpy as np
import pytest

from kzoo import models, weights
from tests.golden import draw, load
from tests.golden.draw import EVEN

RAW = ("logits", "deltas", "objectness")
# As in tests/golden/make_yolox.py.
SCORE, OVERLAP = 0.85, 0.3


def with_weights(name, golden):
    model = models.build(name, input_shape=(*EVEN[1:], 3))
    weights.load(model, draw.weights(json.loads(str(golden["shapes"]))))
    return model


@pytest.mark.slow
@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("size", ["tiny", "s", "m", "l", "x"])
def test_raw_outputs(size):
    golden = load(f"yolox_{size}")
    outputs = with_weights(f"yolox_{size}", golden)(draw.pictures(*EVEN))
    for name in RAW:
        draw.assert_close(draw.summary(outputs[name], 500), golden[name])


@pytest.fixture(scope="module")
def golden():
    return load("yolox_nano")


@pytest.fixture(scope="module")
def model(golden):
    return with_weights("yolox_nano", golden)


@pytest.fixture(scope="module")
def outputs(model):
    return model(draw.pictures(*EVEN), training=False)


@pytest.mark.parametrize("name", RAW)
def test_raw_outputs_of_the_smallest(golden, outputs, name):
    draw.assert_close(draw.summary(outputs[name], 500), golden[name])


def test_boxes(golden, model, outputs):
    """Theirs are centres and sides."""
    boxes = model.task.decode(outputs["deltas"], model.task.places(EVEN[1:]))
    boxes = keras.ops.convert_to_numpy(boxes)[:, ::7]
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    sides = boxes[..., 2:] - boxes[..., :2]
    draw.assert_close(np.concatenate([centres, sides], axis=-1), golden["boxes"])


@pytest.mark.parametrize("i", [0, 1])
def test_detections(golden, model, outputs, i, monkeypatch):
    """Theirs reach out of the picture, and keep the two parts of a score apart."""
    monkeypatch.setattr(model.task, "score_threshold", SCORE)
    monkeypatch.setattr(model.task, "iou_threshold", OVERLAP)
    monkeypatch.setattr(model.task, "max_detections", 300)
    theirs = golden[f"detected_{i}"]
    # Suppression looks at whole boxes there: here too, without clipping.
    monkeypatch.setattr("kzoo.ops.boxes.clip", lambda boxes, *size: boxes)
    results = model.task.results(outputs, image_size=EVEN[1:])
    found = {k: keras.ops.convert_to_numpy(v)[i] for k, v in results.items()}
    assert found["count"] == len(theirs) > 150
    scores = theirs[:, 4] * theirs[:, 5]
    draw.assert_close(found["scores"][: len(theirs)], np.sort(scores)[::-1])
    ours = rows(found["boxes"], found["scores"], found["classes"])[: len(theirs)]
    theirs = rows(theirs[:, :4], scores, theirs[:, 6])
    distances = np.abs(ours[:, None] - theirs).max(axis=-1)
    assert distances.min(axis=1).max() < 1e-4 and distances.min(axis=0).max() < 1e-4


def rows(boxes, scores, classes):
    """(n, 6); boxes in units of the picture's longer side."""
    return np.column_stack([boxes / max(EVEN), scores, classes])


def test_the_stem_wants_blue_first(golden, model):
    """Their pixels are BGR, 0..255, and ours RGB."""
    assert model.get_layer("preprocess").mode == "megvii"
    stem = json.loads(str(golden["shapes"]))["backbone.backbone.stem.conv.conv.weight"]
    kernel = draw.weights({"backbone.backbone.stem.conv.conv.weight": stem})
    kernel = kernel["backbone.backbone.stem.conv.conv.weight"]
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").kernel, kernel.transpose(2, 3, 1, 0)
    )
