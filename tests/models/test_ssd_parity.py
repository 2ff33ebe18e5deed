"""SSD and SSDLite against torchvision's, lufficc's and chuanqi305's, on drawn weights.

Default boxes one by one, matches, encoded targets, losses, raw outputs and detections,
within 1e-4 of the largest absolute value.
"""

import json

import keras
import numpy as np
import pytest

from kzoo import models, weights
from kzoo.models.counting import parameters
from kzoo.ops.multibox import multibox_targets
from kzoo.tasks.ssd import VARIANCES
from tests.golden import draw, load

# Where torchvision is the reference: our classes are its without background.
TORCHVISION = ("ssd300_torchvision", "ssdlite320_torchvision")
LABELS = np.minimum(draw.LABELS[0], 89)


@pytest.fixture(scope="module", params=TORCHVISION)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def golden(name):
    return load(name)


@pytest.fixture(scope="module")
def model(name, golden):
    return with_weights(golden, models.build(name))


@pytest.fixture(scope="module")
def outputs(model):
    return raw(model, 2)


def with_weights(golden, model):
    weights.load(model, draw.weights(json.loads(str(golden["shapes"]))))
    return model


def raw(model, count):
    pictures = draw.pictures(count, *model.input_shape[1:3])
    return model(pictures, training=False)


def assert_raw_outputs_equal(outputs, golden):
    for name in ("logits", "deltas"):
        draw.assert_close(draw.summary(outputs[name], 500), golden[name])


def test_raw_outputs(golden, outputs):
    assert_raw_outputs_equal(outputs, golden)


def test_default_boxes_one_by_one(golden, model):
    boxes = model.task.anchors(*model.input_shape[1:3])
    np.testing.assert_allclose(boxes, golden["anchors"], atol=1e-4)


def test_matches_and_encoded_targets(golden, model):
    goal = goal_of(model, targets(golden["boxes"], LABELS))
    positive = np.flatnonzero(goal["positive"])
    np.testing.assert_array_equal(positive, golden["positive"])
    labels = LABELS[golden["matched"]]
    np.testing.assert_array_equal(goal["labels"][positive], labels)
    draw.assert_close(goal["deltas"][positive], golden["targets"])


def test_losses(golden, model, outputs, monkeypatch):
    """Of a picture with boxes and one without, which teaches nothing there."""
    monkeypatch.setattr(model.task, "least_negatives", 0)
    losses = model.task.output_losses(
        outputs, targets(golden["boxes"], LABELS), model.input_shape[1:3]
    )
    for name in ("class_loss", "box_loss"):
        draw.assert_close(losses[name], golden[name])


@pytest.mark.parametrize("i", [0, 1])
def test_detections(golden, model, outputs, i):
    """Ours takes the best 1000 pairs of each map to NMS, torchvision was told to take
    all, not 400 of a class. Neighbours in score may change places on another machine,
    and the last ones fall off: all but the last ten must be among the other's.
    """
    results = model.task.results(outputs, model.input_shape[1:3])
    results = {k: keras.ops.convert_to_numpy(v)[i] for k, v in results.items()}
    theirs = {k: golden[f"detected_{k}_{i}"] for k in ("boxes", "scores", "labels")}
    count = len(theirs["scores"])
    assert results["count"] == count == model.task.max_detections
    draw.assert_close(results["scores"], theirs["scores"])
    side = model.input_shape[1]
    ours = rows(side, results["boxes"], results["scores"], results["classes"])
    theirs = rows(side, theirs["boxes"], theirs["scores"], theirs["labels"] - 1)
    distances = np.abs(ours[:, None] - theirs).max(axis=-1)
    assert distances.min(axis=1)[: count - 10].max() < 1e-4
    assert distances.min(axis=0)[: count - 10].max() < 1e-4


def rows(side, boxes, scores, classes):
    """(n, 6); boxes in units of the picture's side."""
    return np.column_stack([boxes / side, scores, classes])


@pytest.mark.slow
def test_ssdlite_on_mobilenet_v2():
    """torchvision's layers of SSDLite, where the paper says, on its MobileNetV2."""
    golden = load("ssdlite")
    model = models.ssdlite(backbone="mobilenet_v2_torchvision")
    assert parameters(model) == golden["parameters"]
    assert_raw_outputs_equal(raw(with_weights(golden, model), 2), golden)


def test_mobilenet_ssd():
    golden = load("mobilenet_ssd")
    model = with_weights(golden, models.mobilenet_ssd())
    assert_raw_outputs_equal(raw(model, 2), golden)


@pytest.mark.slow
def test_ssd512():
    golden = load("ssd512")
    model = with_weights(golden, models.ssd512())
    boxes = model.task.anchors(512, 512)
    np.testing.assert_allclose(boxes[::7], golden["anchors"], atol=1e-3)
    target = targets(draw.BOXES[0], [1, 19, 0])
    goal = goal_of(model, target)
    np.testing.assert_array_equal(np.flatnonzero(goal["positive"]), golden["positive"])
    np.testing.assert_array_equal(goal["labels"][golden["positive"]], golden["classes"])
    outputs = raw(model, 1)
    assert_raw_outputs_equal(outputs, golden)
    target = {name: x[:1] for name, x in target.items()}
    losses = model.task.output_losses(outputs, target, (512, 512))
    for name in ("class_loss", "box_loss"):
        draw.assert_close(losses[name], golden[name])


def targets(boxes, labels):
    """Of two pictures, the second one without boxes; a row of padding."""
    count = len(labels)
    found = {
        "boxes": np.zeros((2, count + 1, 4), "float32"),
        "labels": np.zeros((2, count + 1), "int32"),
        "valid": np.zeros((2, count + 1), bool),
    }
    for name, values in (("boxes", boxes), ("labels", labels), ("valid", True)):
        found[name][0, :count] = values
    return found


def goal_of(model, target):
    """What each default box of the first picture shall predict."""
    anchors = model.task.anchors(*model.input_shape[1:3])
    keys = ("boxes", "labels", "valid")
    goal = multibox_targets(anchors, *(target[key] for key in keys), VARIANCES)
    return {name: keras.ops.convert_to_numpy(x)[0] for name, x in goal.items()}
