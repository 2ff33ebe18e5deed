"""Matching: which anchor answers for which box."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops import boxes as box_ops
from kzoo.ops.anchors import retinanet_anchors
from kzoo.ops.matching import anchor_targets, match
from tests import golden
from tests.ops import slow

# Five anchors (rows), three boxes.
TABLE = np.array(
    [
        [0.7, 0.1, 0.0],  # positive, box 0
        [0.5, 0.5, 0.0],  # positive, a tie: the first box
        [0.1, 0.45, 0.3],  # between the thresholds; box 2 has no better anchor
        [0.4, 0.0, 0.1],  # exactly the lower threshold: ignored
        [0.2, 0.39, 0.0],  # negative
    ],
    "float32",
)
ALL = np.array([True, True, True])


def named(found):
    """Box of each positive anchor, "ignored" or "negative"."""
    return [
        int(index) if positive else "ignored" if ignored else "negative"
        for index, positive, ignored in zip(*map(np.asarray, found))
    ]


def test_thresholds_by_hand():
    found = named(match(TABLE, ALL, force=False))
    assert found == [0, 0, "ignored", "ignored", "negative"]


def test_a_forced_anchor_keeps_the_box_that_it_overlaps_most():
    """Box 2 forces anchor 2, which overlaps box 1 more and so answers for that."""
    assert named(match(TABLE, ALL)) == [0, 0, 1, "ignored", "negative"]


def test_all_anchors_of_a_tie_are_forced():
    table = np.array([[0.2], [0.3], [0.3], [0.1]], "float32")
    assert named(match(table, ALL[:1])) == ["negative", 0, 0, "negative"]


def test_a_box_that_no_anchor_touches_forces_none():
    table = np.array([[0.0, 0.6], [0.0, 0.1]], "float32")
    assert named(match(table, ALL[:2])) == [1, "negative"]


def test_padding_is_no_box():
    found = named(match(TABLE, np.array([False, True, False])))
    assert found == ["negative", 1, "ignored", "negative", "negative"]


@pytest.mark.parametrize("boxes", [0, 1, 4])
def test_without_real_boxes_all_anchors_are_negative(boxes):
    table = np.full((2, 5, boxes), 0.9, "float32")
    found = match(table, np.zeros((2, boxes), bool))
    assert not np.any(found.positive) and not np.any(found.ignored)
    assert found.index.shape == (2, 5)


def test_no_boxes_in_a_graph_that_does_not_know_how_many():
    graph = tf.function(
        match,
        input_signature=[
            tf.TensorSpec((None, 5, None)),
            tf.TensorSpec((None, None), tf.bool),
        ],
    )
    found = graph(np.zeros((2, 5, 0), "float32"), np.zeros((2, 0), bool))
    assert not np.any(found.positive)
    found = [x[0] for x in graph(TABLE[None], ALL[None])]
    assert named(found) == [0, 0, 1, "ignored", "negative"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["random", "ties"])
def test_equals_torchvision(name, force):
    expected = golden.load("ops")
    table = expected[f"match_{name}"]
    found = named(match(table.T, np.ones(len(table), bool), force=force))
    words = {-1: "negative", -2: "ignored"}
    theirs = expected[f"match_{name}_{force}"].tolist()
    assert found == [words.get(x, x) for x in theirs]


def slow_targets(anchors, boxes, labels, valid):
    """One picture, box by box and anchor by anchor."""
    boxes, labels = boxes[valid], labels[valid]
    table = np.array([[slow.iou(a, b) for b in boxes] for a in anchors])
    rows = []
    for n, anchor in enumerate(anchors):
        row = {"labels": 0, "boxes": anchor, "positive": False, "ignored": False}
        if len(boxes):
            m = int(np.argmax(table[n]))
            forced = any(
                table[n, b] == table[:, b].max() > 0 for b in range(len(boxes))
            )
            row["positive"] = bool(table[n, m] >= 0.5 or forced)
            row["ignored"] = bool(table[n, m] >= 0.4 and not row["positive"])
            if row["positive"]:
                row |= {"labels": int(labels[m]), "boxes": boxes[m]}
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def batch_of_targets():
    """A random picture; one with a box without area; one all padding."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 40, (3, 4, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (3, 4, 2))], -1)
    boxes[1, :2] = [[20, 20, 20, 20], [0, 0, 64, 64]]
    labels = rng.integers(0, 9, (3, 4)).astype("int32")
    labels[0, 0] = 0
    valid = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    return boxes.astype("float32"), labels, valid


def test_targets_equal_a_slow_loop():
    anchors = retinanet_anchors()(50, 70)[::5]
    batch = batch_of_targets()
    made = anchor_targets(anchors, *batch)
    assert made["positive"].numpy().any(axis=1).tolist() == [True, True, False]
    for row, picture in enumerate(zip(*batch)):
        for name, expected in slow_targets(anchors, *picture).items():
            np.testing.assert_array_equal(made[name][row], expected, err_msg=name)


def test_deltas_lead_from_anchors_to_boxes():
    anchors = retinanet_anchors()(64, 64)
    made = anchor_targets(anchors, *batch_of_targets(), variances=(0.1, 0.1, 0.2, 0.2))
    boxes = box_ops.decode(made["deltas"], anchors, variances=(0.1, 0.1, 0.2, 0.2))
    np.testing.assert_allclose(boxes, made["boxes"], atol=1e-2)
    negative = ~made["positive"].numpy()
    np.testing.assert_array_equal(made["deltas"].numpy()[negative], 0)


def test_a_box_without_area_or_out_of_the_picture_has_no_anchor():
    boxes = np.array([[[30, 30, 30, 30], [30, 30, 60, 30], [900, 900, 950, 950]]])
    made = anchor_targets(retinanet_anchors()(64, 64), boxes, [[1, 1, 1]], [[1, 1, 1]])
    assert not np.any(made["positive"])
    assert all(np.isfinite(made[name]).all() for name in ("boxes", "deltas"))


def test_no_boxes_at_all():
    empty = np.zeros((2, 0, 4)), np.zeros((2, 0), int), np.zeros((2, 0), bool)
    anchors = retinanet_anchors()(64, 64)
    made = anchor_targets(anchors, *empty)
    assert made["deltas"].shape == (2, len(anchors), 4)
    assert not np.any(made["positive"]) and not np.any(made["ignored"])
    assert np.isfinite(made["deltas"]).all()
