"""SimOTA against the authors' code on hard pictures, and worked by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops.simota import assign, near_cells, simota
from kzoo.tasks.yolox import YoloxDetection
from tests.golden import load, simota_cases
from tests.golden.simota_cases import (
    CELLS,
    CLASSES,
    COUNT,
    KINDS,
    MATRICES,
    OVERLAPS,
    SIDE,
)


@pytest.fixture(scope="module")
def golden():
    return load("simota")


@pytest.fixture(scope="module")
def run():
    """f(case or None) -> Assignment of one picture, with 200 rows for boxes."""
    task = YoloxDetection(CLASSES)
    cells = task.places((SIDE, SIDE))

    @tf.function
    def graph(boxes, labels, valid, raw):
        predicted = task.decode(raw[..., :4], cells)
        logits, objectness = raw[..., 5:], raw[..., 4:5]
        return simota(boxes, labels, valid, predicted, logits, objectness, cells)

    def answer(case):
        arrays = [*padded(case, 200), case.raw]
        found = graph(*(tf.constant(x[None]) for x in arrays))
        return tuple(x.numpy()[0] for x in found)

    return answer


def padded(case, rows):
    """(boxes xyxy (rows, 4), labels, valid), with nonsense in the rows left over."""
    count = len(case.boxes)
    boxes = np.full((rows, 4), (3, 3, 40, 50), "float32")
    half = case.boxes[:, 2:] / 2
    boxes[:count] = np.hstack([case.boxes[:, :2] - half, case.boxes[:, :2] + half])
    labels = np.full(rows, 99, "int32")
    labels[:count] = case.labels
    return boxes, labels, np.arange(rows) < count


def test_the_authors_answers(golden, run):
    """On all pictures whose answer does not hang on the last bits of a cost."""
    firm = np.flatnonzero(golden["firm"])
    assert len(firm) > 300
    assert {i % len(KINDS) for i in firm} == set(range(len(KINDS)))
    starts = np.cumsum([0, *np.sum(golden["stable"] >= 0, axis=1)])
    for i in firm:
        index, positive, iou = run(simota_cases.case(i))
        found = np.where(positive, index, -1)
        np.testing.assert_array_equal(found, golden["stable"][i], err_msg=str(i))
        if i >= OVERLAPS:
            continue
        overlaps = golden["iou"][starts[i] : starts[i + 1]]
        np.testing.assert_allclose(iou[positive], overlaps, atol=1e-4)


def test_the_golden_answers_are_the_authors(golden):
    """Their topk takes equal costs in any order; made stable, it changes but these."""
    same = np.all(golden["official"] == golden["stable"], axis=1)
    assert np.mean(same) > 0.75 and np.mean(same[golden["firm"]]) > 0.9
    assert len(same) == COUNT


def test_ties(golden):
    """The lower cell, and the lower box, first: matrices of few different costs."""
    start = 0
    for number in range(MATRICES):
        cost, iou = simota_cases.matrices(number)
        index, positive, _ = assign(cost[None], iou[None])
        found = np.where(positive[0], index[0], -1)
        expected = golden["matchings"][start : start + len(found)]
        np.testing.assert_array_equal(found, expected, err_msg=str(number))
        start += len(found)
    assert start == len(golden["matchings"])


def slow_assign(cost, iou):
    """`assign` of one picture in loops."""
    boxes, cells = cost.shape
    wanted = [set() for _ in range(boxes)]
    for m in range(boxes):
        count = max(1, int(sum(sorted(iou[m], reverse=True)[:10])))
        order = sorted(range(cells), key=lambda n: (cost[m][n], n))
        wanted[m] = {n for n in order[:count] if np.isfinite(cost[m][n])}
    answers = []
    for n in range(cells):
        takers = [m for m in range(boxes) if n in wanted[m]]
        if len(takers) > 1:
            takers = [min(range(boxes), key=lambda m: (cost[m][n], m))]
        answers.append(takers[0] if takers else -1)
    return answers


def test_assign_is_the_slow_loop():
    rng = np.random.default_rng(0)
    for _ in range(50):
        shape = rng.integers(1, 8), rng.integers(1, 40)
        cost = rng.integers(0, 6, shape).astype("float32")
        cost[rng.random(shape) < 0.3] = np.inf
        iou = np.where(np.isfinite(cost), rng.random(shape), 0).astype("float32")
        index, positive, overlap = (x[0].numpy() for x in assign(cost[None], iou[None]))
        expected = slow_assign(cost, iou)
        np.testing.assert_array_equal(np.where(positive, index, -1), expected)
        for n in np.flatnonzero(positive):
            assert overlap[n] == iou[index[n], n]


def test_near_is_within_one_and_a_half_strides():
    """A box at (20, 12): cells of stride 8 with centres 4, 12, 20, 28 across."""
    cells = YoloxDetection(1).places((32, 32))
    near = near_cells(np.float32([[[10, 2, 30, 22]]]), cells).numpy()[0, 0]
    # 4 is 16 away, 12 px is 1.5 strides; rows 4, 12 and 20 are at most 8 away.
    assert np.flatnonzero(near[:16]).tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11]
    # Just 1.5 strides away is not near.
    near = near_cells(np.float32([[[14, 2, 34, 22]]]), cells).numpy()[0, 0]
    assert np.flatnonzero(near[:16]).tolist() == [2, 3, 6, 7, 10, 11]


def given(boxes, valid=None, objectness=0.0):
    """Arguments for `simota` of one picture whose cells all predict themselves."""
    task = YoloxDetection(CLASSES)
    cells = task.places((SIDE, SIDE))
    boxes = np.reshape(boxes, (1, -1, 4)).astype("float32")
    labels = np.zeros(boxes.shape[:2], "int32")
    valid = np.ones(boxes.shape[:2], bool) if valid is None else np.array([valid])
    logits = np.zeros((1, len(cells), CLASSES), "float32")
    sure = np.full((1, len(cells), 1), objectness, "float32")
    return boxes, labels, valid, cells[None], logits, sure, cells


def test_a_box_that_is_a_cell_gets_that_cell():
    index, positive, iou = simota(*given([16, 24, 24, 32]))
    assert np.flatnonzero(positive[0]).tolist() == [3 * 8 + 2]
    assert iou[0, 26] == 1


@pytest.mark.parametrize(
    "boxes, valid",
    [
        (np.zeros((0, 4)), None),
        ([[3, 3, 30, 30]], [False]),
        ([[10, 10, 10, 10]], None),
        ([[10, 10, 10, 40]], None),
        ([[30, 30, 10, 10]], None),
        ([[-300, -300, -200, -200]], None),
    ],
    ids=["no rows", "all padding", "a point", "a line", "turned", "outside"],
)
def test_boxes_that_nobody_answers_for(boxes, valid):
    found = simota(*given(boxes, valid))
    assert not np.any(found.positive)
    assert np.all(np.isfinite(found.iou)) and not np.any(found.index)


def test_more_boxes_than_cells():
    """Every box wants a cell, and no cell has two."""
    case = simota_cases.case(1)
    boxes, labels, valid = padded(case, 200)
    found = simota(boxes[None], labels[None], valid[None], *given([])[3:])
    cells = np.flatnonzero(found.positive[0])
    assert 20 < len(cells) <= CELLS < len(case.boxes) + 1
    assert np.max(found.index) < len(case.boxes)


def test_of_two_identical_boxes_the_first_has_the_cells():
    found = simota(*given([[8, 8, 40, 40]] * 2))
    assert np.any(found.positive) and not np.any(found.index[found.positive])


def test_a_box_larger_than_the_picture_has_cells_too():
    found = simota(*given([-500, -400, 560, 470]))
    assert np.sum(found.positive) == 1


def test_two_hundred_boxes_in_each_of_two_pictures():
    case = simota_cases.case(33)
    boxes, labels, valid = (np.stack([x] * 2) for x in padded(case, 200))
    rest = [np.repeat(x, 2, axis=0) for x in given([])[3:6]]
    both = simota(boxes, labels, valid, *rest, given([])[6])
    for x in both:
        np.testing.assert_array_equal(x[0], x[1])


@pytest.mark.parametrize("objectness", [-200.0, 200.0])
def test_saturated_outputs_give_finite_answers(objectness):
    found = simota(*given([[8, 8, 40, 40]], objectness=objectness))
    assert np.any(found.positive) and np.all(np.isfinite(found.iou))


def test_no_gradient_comes_through():
    boxes, labels, valid, predicted, logits, objectness, cells = given([8, 8, 40, 40])
    inputs = [tf.Variable(x) for x in (predicted, logits, objectness)]
    with tf.GradientTape() as tape:
        found = simota(boxes, labels, valid, *(x.value() for x in inputs), cells)
        total = keras.ops.sum(found.iou)
    assert tape.gradient(total, inputs) == [None] * 3


def test_it_compiles_with_xla():
    """Shapes are static."""
    *arrays, cells = given([[8, 8, 40, 40], [0, 0, 9, 9]])

    def run(*inputs):
        return simota(*inputs, cells)

    found = tf.function(run, jit_compile=True)(*map(tf.constant, arrays))
    for ours, expected in zip(found, run(*arrays)):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
