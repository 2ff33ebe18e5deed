"""Darknet's classifiers, YOLO v1 and v2 against the authors' program, on drawn weights.

Outputs, features, gradients of the losses, boxes and what is left of them, within 1e-4
of the largest absolute value (measured: 3e-6). The weights go through files as
Darknet writes them and the reader that users get.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo import models, weights
from kzoo.ops.nms import nms
from kzoo.tasks.yolo_v1 import YoloV1Detection
from kzoo.tasks.yolo_v2 import YoloV2Detection
from kzoo.weights.catalogue import class_names
from kzoo.weights.families import darknet
from tests.golden import darknet_cases as cases
from tests.golden import draw, load

QUICK = ("darknet_reference", "yolo_v2_tiny_coco", "yolo_v1_tiny")
FILES = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name in cases.FILES
]


@pytest.fixture(scope="module")
def golden():
    return load("darknet")


@pytest.fixture
def path(tmp_path):
    """Where a file of up to 280 MB may be, and goes at once."""
    yield tmp_path / "theirs.weights"
    (tmp_path / "theirs.weights").unlink()


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("name", FILES)
def test_outputs(name, golden, path):
    file = cases.FILES[name]
    cases.write(path, cases.drawn(file.layers()))
    pictures = draw.pictures(2, *file.size)
    model = file.build()
    report = weights.load(model, path)
    assert not (report.skipped or report.kept or report.renewed)
    outputs = model(pictures, training=False)
    if isinstance(outputs, dict):
        same(in_their_order(outputs, model.task), golden[f"{name}_raw"])
        return
    same(in_their_classes(outputs), golden[f"{name}_logits"])
    features = models.build(name, classes=None, input_shape=(*file.size, 3))
    weights.load(features, path)
    for level, x in features(pictures, training=False).items():
        same(np.transpose(x, (0, 3, 1, 2)), golden[f"{name}_{level}"])


def test_the_papers_yolo_v1(golden):
    """No file of it exists: the arrays go by the names that kzoo gives."""
    layers = cases.paper_layers()
    model = models.yolo_v1(**cases.PAPER)
    arrays = darknet.ours(layers, cases.drawn(layers))
    weights.load(model, arrays)
    outputs = model(draw.pictures(2, 128, 128), training=False)
    same(in_their_order(outputs, model.task), golden["yolo_v1_raw"])


def same(ours, theirs):
    draw.assert_close(draw.summary(ours, 500), theirs)


def in_their_classes(logits):
    """Classes as Darknet numbers them."""
    usual = class_names("imagenet")
    place = [usual.index(name) for name in class_names("imagenet_darknet")]
    return np.asarray(logits)[:, place]


def in_their_order(outputs, task):
    """Of a picture: YOLO v1's classes, confidences, boxes; v2's maps, by prior."""
    outputs = {name: np.asarray(x) for name, x in outputs.items()}
    if isinstance(task, YoloV1Detection):
        names = ("logits", "objectness", "deltas")
        return np.concatenate([outputs[n].reshape(2, -1) for n in names], axis=1)
    names = ("deltas", "objectness", "logits")
    rows = np.concatenate([outputs[name] for name in names], axis=-1)
    rows = rows.reshape(2, -1, len(task.anchors), rows.shape[-1])
    return rows.transpose(0, 2, 3, 1)


@pytest.fixture(params=list(cases.LOSSES))
def name(request):
    return request.param


@pytest.fixture
def case(name):
    return cases.LOSSES[name]


@pytest.fixture
def task(case):
    if case.has_priors:
        return YoloV2Detection(case.classes, cases.ANCHORS_OF_CASES, case.stride)
    return YoloV1Detection(case.classes, case.stride, case.per_cell)


def given(case):
    """Raw outputs of a batch of one."""
    classes = case.raw[..., 5:] if case.has_priors else case.raw[:, 0, 5:]
    raw = {"deltas": case.raw[..., :4], "objectness": case.raw[..., 4]}
    rows = {"deltas": 4, "objectness": 1, "logits": case.classes}
    raw["logits"] = classes
    return {k: tf.constant(x.reshape(1, -1, rows[k])) for k, x in raw.items()}


def test_gradients_of_the_losses(name, case, task, golden):
    outputs = given(case)
    boxes = np.float32(case.boxes).reshape(1, -1, 4)
    targets = {
        "boxes": boxes,
        "labels": np.int32(case.labels).reshape(1, -1),
        "valid": np.ones(boxes.shape[:2], bool),
    }
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = sum(task.output_losses(outputs, targets, case.size).values())
    ours = tape.gradient(loss, outputs)
    ours = {n: np.repeat(x, 2, axis=0) for n, x in ours.items()}
    theirs = golden[f"{name}_gradient"]
    draw.assert_close(in_their_order(ours, task)[0].ravel(), theirs)
    # Some object, and some box that is neither object nor background.
    if case.boxes:
        assert np.count_nonzero(theirs) > len(theirs) / 8


def test_boxes_and_their_scores(name, case, task, golden):
    found = task.candidates(given(case), case.size)
    boxes, scores = (keras.ops.convert_to_numpy(found[n])[0] for n in found)
    theirs = golden[f"{name}_boxes"].reshape(-1, 5 + case.classes)
    if case.has_priors:
        theirs = theirs.reshape(case.per_cell, -1, theirs.shape[-1])
        theirs = theirs.transpose(1, 0, 2).reshape(-1, theirs.shape[-1])
    inside = np.clip(corners(theirs), 0, [*case.size[::-1]] * 2)
    draw.assert_close(boxes, inside)
    draw.assert_close(scores, np.clip(theirs[:, 5:], 0, 1))


def corners(rows):
    """xyxy of Darknet's centres and sides."""
    low, high = rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2
    return np.concatenate([low, high], axis=-1)


@pytest.mark.parametrize("name", [n for n in cases.LOSSES if n.startswith("v2")])
def test_what_non_maximum_suppression_leaves(name, case, task, golden):
    """Theirs suppresses boxes that reach out of the picture, ours what is left inside
    of it: here both get the former."""
    outputs = given(case)
    boxes = task.decode(outputs["deltas"], task.places(case.size))
    pairs = np.repeat(boxes, case.classes, axis=1)
    classes = np.tile(np.arange(case.classes), boxes.shape[1])[None]
    scores = np.reshape(task.scores(outputs), (1, -1))
    threshold, iou = task.score_threshold, task.iou_threshold
    found = nms(pairs, scores, classes, iou, threshold, max_detections=300)
    ours = np.column_stack([np.asarray(x)[0] for x in list(found.values())[:3]])
    rows = golden[f"{name}_kept"].reshape(-1, 5 + case.classes)
    box, label = np.nonzero(rows[:, 5:])
    theirs = [corners(rows)[box], rows[box, 5 + label], label]
    theirs = np.column_stack(theirs)
    assert found["count"] == len(theirs) > 100
    ours = ours[: len(theirs)]
    order = [np.lexsort((x[:, 4], x[:, 5])) for x in (ours, theirs)]
    np.testing.assert_allclose(ours[order[0]], theirs[order[1]], rtol=1e-4, atol=1e-2)
