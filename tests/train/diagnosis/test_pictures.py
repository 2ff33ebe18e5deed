"""Checks of data say PASS of sound data, and name the fault of others."""

import numpy as np
import pytest

from kzoo.train.diagnosis import FAIL, PASS, WARN, pictures
from tests.train import tiny
from tests.train.diagnosis import little


def boxes_of(rows, labels, valid=None):
    """Targets of one picture."""
    valid = [True] * len(rows) if valid is None else valid
    boxes = np.array(rows, "float32").reshape(1, -1, 4)
    return {"boxes": boxes, "labels": np.array([labels]), "valid": np.array([valid])}


@pytest.mark.parametrize(
    "mode, divided, verdict",
    [
        ("torch", 1, PASS),
        ("tf", 1, PASS),
        ("unit", 1, PASS),
        ("none", 1, FAIL),  # 0..255 as they are
        ("caffe", 1, WARN),  # right for Caffe's weights alone
        ("torch", 255, FAIL),  # scaled before, and once more by the model
    ],
)
def test_pixels(mode, divided, verdict):
    images = little.batch()[0].astype("float32") / divided
    check = pictures.pixels(little.network(mode), images)
    assert check.verdict == verdict
    if mode == "unit":
        expected = (images / 255).mean((0, 1, 2)), (images / 255).var((0, 1, 2))
        for name, value in zip(("channel_means", "channel_variances"), expected):
            assert check.values[name] == pytest.approx(value.tolist(), rel=1e-3)


class Counted:
    """A source of which only the counts are asked for."""

    split, class_names = "train", ["cat", "dog", "eel"]

    def __init__(self, *counts):
        self.counts = lambda: counts

    def __len__(self):
        return 9


@pytest.mark.parametrize(
    "counts, learnt, verdict, words",
    [
        ((3, 3, 3), True, PASS, "cat 3 times"),
        ((3, 0, 3), True, FAIL, "No example of dog: it cannot be learnt"),
        ((3, 0, 3), False, WARN, "No example of dog: it is not scored"),
        ((300, 3, 3), True, WARN, "Show rare classes more often"),
        ((150, 3, 3), True, PASS, "cat 150 times"),
    ],
)
def test_classes(counts, learnt, verdict, words):
    check = pictures.classes(Counted(*counts), learnt)
    assert check.verdict == verdict
    assert words in str(check)


@pytest.mark.parametrize("kind", ["batch_norm", "detector"])
def test_counts_of_a_source_are_those_of_its_examples(kind):
    source = tiny.source_for(kind)
    expected = np.zeros(3, int)
    for example in source.read():
        for label in np.ravel(example.get("labels", example.get("label"))):
            expected[label] += 1
    np.testing.assert_array_equal(source.counts(), expected)


@pytest.mark.parametrize(
    "targets, verdict",
    [
        (np.array([0, 3]), PASS),
        (np.array([0, 4]), FAIL),  # counted from 1
        (np.array([-1, 2]), FAIL),
        (np.array([[0.4, 0.6, 0, 0]]), PASS),  # two pictures mixed
        (np.array([[0.4, 0.4, 0, 0]]), FAIL),
        (boxes_of([[0, 0, 20, 10]], [3]), PASS),
        (boxes_of([[0, 0, 20, 11]], [3]), FAIL),  # below a picture 20 wide, 10 high
        (boxes_of([[5, 5, 5, 9]], [3]), FAIL),  # no width
        (boxes_of([[0, 0, 20, 10]], [4]), FAIL),
        (boxes_of([[9, 9, 9, 9]], [7], [False]), WARN),  # padding alone
    ],
)
def test_labels(targets, verdict):
    assert pictures.labels(targets, 4, (10, 20)).verdict == verdict


def test_box_sizes_are_sides_of_squares_of_equal_area():
    boxes = [[0, 0, 4, 9], [0, 0, 100, 100], [10, 10, 60, 60]]
    check = pictures.box_sizes(np.array(boxes, "float32"))
    assert check.verdict == WARN  # one of three below 8 pixels
    assert check.values["median"] == 50
    assert check.values["tiny"] == pytest.approx(1 / 3)
    assert pictures.box_sizes(np.array(boxes[1:])).verdict == PASS
    assert pictures.box_sizes(np.zeros((0, 4))).verdict == WARN


def test_anchors_of_another_size_are_seen():
    boxes = np.array([[0, 0, 32, 32], [40, 40, 72, 72]], "float32")
    right, far_too_large = boxes + 2, np.array([[0, 0, 256, 256]], "float32")
    assert pictures.anchors(boxes, right).verdict == PASS
    check = pictures.anchors(boxes, far_too_large)
    assert check.verdict == FAIL and "--anchor_scale" in check.advice
