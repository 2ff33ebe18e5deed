"""What raw outputs of YOLOX mean: losses and results, by hand and by the authors.

By hand the pictures are 32 px a side: 16 cells of stride 8, 4 of 16 and one of 32.
"""

import functools
import math

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.tasks.yolox import YoloxDetection
from tests.golden import draw, load, simota_cases
from tests.tasks import by_hand
from tests.tasks.by_hand import targets

SIZE, ROWS = (32, 32), 21
NAMES = ("box_loss", "objectness_loss", "class_loss", "l1_loss")
# The cell of stride 8 in row 1, column 2.
CELL, ROW = (16, 8, 24, 16), 6
LN2, LN3 = math.log(2), math.log(3)
losses = functools.partial(by_hand.losses, size=SIZE)
gradients = functools.partial(by_hand.gradients, size=SIZE)


@pytest.fixture
def task():
    return YoloxDetection(2)


def outputs(count=1, **rows):
    """Each cell says itself, at odds of 1, unless told: {row: values} of a name."""
    raw = {"logits": 2, "deltas": 4, "objectness": 1}
    raw = {name: np.zeros((count, ROWS, size), "float32") for name, size in raw.items()}
    raw["deltas"][..., :2] = 0.5
    for name, values in rows.items():
        for row, value in values.items():
            raw[name][:, row] = value
    return raw


def closing(target, *values):
    return target | {"closing": np.array(values, "float32")}


@pytest.mark.parametrize("i", range(4))
def test_the_authors_losses(i):
    """Batches of three: one with a picture without boxes, one without any box."""
    numbers = simota_cases.BATCHES[i]
    cases = [simota_cases.case(number or 0) for number in numbers]
    pictures = []
    for number, case in zip(numbers, cases):
        half = case.boxes[:, 2:] / 2
        boxes = np.hstack([case.boxes[:, :2] - half, case.boxes[:, :2] + half])
        pictures.append([] if number is None else list(zip(boxes, case.labels)))
    raw = np.stack([case.raw for case in cases])
    given = {
        "deltas": raw[..., :4],
        "objectness": raw[..., 4:5],
        "logits": raw[..., 5:],
    }
    task = YoloxDetection(simota_cases.CLASSES)
    found = task.output_losses(
        given, closing(targets(*pictures), 1, 1, 1), (simota_cases.SIDE,) * 2
    )
    draw.assert_close([found[name] for name in NAMES], load("simota")["losses"][i])


def test_losses_by_hand(task):
    """The box is the cell, moved by half of one: IoU 1/3 with it and with the next one,
    1/4 and 1/16 with coarser ones. Together that is less than 1: one cell is all it
    gets, and ties go to the first."""
    target = targets([((20, 8, 28, 16), 1)])
    found = losses(task, outputs(), target)
    assert found["box_loss"] == pytest.approx(5 * (1 - 1 / 9), rel=1e-5)
    # Log 2 for each cell, true or not; for the classes too: half of a target of 1/3.
    assert found["objectness_loss"] == pytest.approx(ROWS * LN2, rel=1e-5)
    assert found["class_loss"] == pytest.approx(2 * LN2, rel=1e-5)
    assert found["l1_loss"] == 0
    sure = outputs(logits={ROW: (0, LN3)}, objectness={ROW: LN3})
    found = losses(task, sure, target)
    # -log 3/4 where it is an object; target 1/3 against 3/4.
    objectness = (ROWS - 1) * LN2 + math.log(4 / 3)
    assert found["objectness_loss"] == pytest.approx(objectness, rel=1e-5)
    classes = LN2 + math.log(4 / 3) / 3 + math.log(4) * 2 / 3
    assert found["class_loss"] == pytest.approx(classes, rel=1e-5)


def test_l1_of_pictures_that_close(task):
    """Half a stride to the right of what the cell says, and twice as wide."""
    target = targets([((16, 8, 32, 16), 1)])
    aim = outputs(objectness={ROW: 20.0}, logits={ROW: (-20, 20)})
    assert losses(task, aim, closing(target, 0))["l1_loss"] == 0
    found = losses(task, aim, closing(target, 1))
    assert found["l1_loss"] == pytest.approx(0.5 + LN2, rel=1e-5)


def test_closing_counts_for_each_picture(task):
    box = (16, 8, 32, 16)
    target = targets([(box, 0)], [(box, 0)])
    given = outputs(2)
    both = losses(task, given, closing(target, 1, 1))["l1_loss"]
    assert both == pytest.approx(0.5 + LN2, rel=1e-5)
    one = losses(task, given, closing(target, 0, 1))["l1_loss"]
    assert one == pytest.approx(both / 2)


def test_perfect_outputs_cost_nothing(task):
    perfect = outputs(
        objectness=dict.fromkeys(range(ROWS), -40.0) | {ROW: 40.0},
        logits={ROW: (40, -40)},
    )
    found = losses(task, perfect, closing(targets([(CELL, 0)]), 1))
    assert found == pytest.approx(dict.fromkeys(NAMES, 0.0), abs=1e-4)


def test_the_normalizer_is_the_cells_of_the_whole_batch(task):
    first = losses(task, outputs(), targets([(CELL, 0)]))
    empty = losses(task, outputs(), targets([]))
    both = losses(task, outputs(2), targets([(CELL, 0)], []))
    for name in first:
        assert both[name] == pytest.approx(first[name] + empty[name], rel=1e-5)
    twice = losses(task, outputs(2), targets([(CELL, 0)], [(CELL, 0)]))
    assert twice == pytest.approx(first, rel=1e-5)


@pytest.mark.parametrize(
    "target",
    [
        targets([]),
        targets([], rows=5),
        targets([((10, 10, 10, 10), 1)]),
        targets([((10, 0, 10, 32), 1)]),
        targets([((20, 20, 10, 10), 1)]),
        targets([((-90, -90, -70, -70), 1)]),
    ],
    ids=["none", "all padding", "a point", "a line", "turned", "outside"],
)
def test_without_objects_the_background_is_learned(task, target):
    """Finite losses, the objectness is pushed down, all else is left alone."""
    for target in (target, closing(target, 1)):
        found = losses(task, outputs(), target)
        assert found.pop("objectness_loss") == pytest.approx(ROWS * LN2, rel=1e-5)
        assert not any(found.values())
        gradient = gradients(task, outputs(), target)
        assert np.all(gradient["objectness"] > 0)
        assert not np.any(gradient["logits"]) and not np.any(gradient["deltas"])


def test_padding_may_hold_anything(task):
    clean = closing(targets([(CELL, 1)], rows=4), 1)
    dirty = {name: x.copy() for name, x in clean.items()}
    dirty["boxes"][0, 1:] = [[0, 0, 32, 32], [5, 5, 5, 5], [1e9, -1e9, 3, 4]]
    dirty["labels"][0, 1:] = [0, 99, -1]
    given = outputs(deltas={ROW: 0.3}, logits={ROW: (1, 2)})
    assert losses(task, given, dirty) == losses(task, given, clean)
    first, second = gradients(task, given, dirty), gradients(task, given, clean)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_class_0_is_an_object(task):
    gradient = gradients(task, outputs(), targets([(CELL, 0)]))
    np.testing.assert_allclose(gradient["logits"][0, ROW], [-0.5, 0.5], rtol=1e-4)
    assert gradient["objectness"][0, ROW] < 0
    assert np.sum(gradient["objectness"] < 0) == 1


def test_gradients_are_finite_far_from_the_truth(task):
    for size in (-100, 100):
        given = {name: np.full_like(x, size) for name, x in outputs().items()}
        for value in gradients(task, given, closing(targets([(CELL, 0)]), 1)).values():
            assert np.all(np.isfinite(value))


def test_two_hundred_boxes(task):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 28, (200, 2))
    boxes = np.hstack([corners, corners + rng.uniform(1, 30, (200, 2))])
    target = targets([(box, i % 2) for i, box in enumerate(boxes)])
    for name, value in losses(task, outputs(), target).items():
        assert np.isfinite(value), name


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_losses_are_float32_under_mixed_precision(task, kind):
    given = outputs(deltas={ROW: 0.25}, logits={ROW: (1, -2)})
    half = {k: keras.ops.cast(x, kind) for k, x in given.items()}
    found = task.output_losses(half, targets([(CELL, 0)]), SIZE)
    assert {x.dtype.name for x in found.values()} == {"float32"}
    full = losses(task, given, targets([(CELL, 0)]))
    assert {k: float(v) for k, v in found.items()} == pytest.approx(full, rel=1e-6)


def results(task, *args, **rows):
    found = task.results(outputs(**rows), image_size=SIZE)
    return {name: keras.ops.convert_to_numpy(x) for name, x in found.items()}


def test_results_are_the_boxes_that_the_outputs_say(task):
    """One cell is surely class 1; its box reaches from its corner a stride around,
    and its score is the product of two probabilities of 3/4."""
    silent = dict.fromkeys(range(ROWS), -40.0)
    found = results(
        task,
        deltas={ROW: (0.5, 0, LN2, LN3)},
        objectness=silent | {ROW: LN3},
        logits={ROW: (0, LN3)},
    )
    assert found["count"] == [1]
    np.testing.assert_allclose(found["boxes"][0, 0], [12, 0, 28, 20], atol=1e-4)
    assert found["scores"][0, 0] == pytest.approx(9 / 16, rel=1e-5)
    assert found["classes"][0, 0] == 1 and not np.any(found["boxes"][0, 1:])


def test_a_cell_stands_for_its_likeliest_class_alone(task):
    """In results; its other classes are there for an NMS of somebody else."""
    silent = dict.fromkeys(range(ROWS), -40.0) | {ROW: 0.0}
    given = outputs(logits={ROW: (LN3, 0)}, objectness=silent)
    scores = task.candidates(given, SIZE)["scores"][0].numpy()
    np.testing.assert_allclose(scores[ROW], [3 / 8, 1 / 4], rtol=1e-5)
    found = results(task, logits={ROW: (LN3, 0)}, objectness=silent)
    assert found["count"] == [1]
    assert found["scores"][0, 0] == pytest.approx(3 / 8, rel=1e-5)


def test_a_box_may_be_as_large_as_any_picture(task):
    """100 strides; an anchor of kzoo.ops.boxes.decode ends at 62."""
    deltas = np.float32([[[0, 0, math.log(100), math.log(100)]]])
    box = task.decode(deltas, task.places(SIZE)[:1])[0, 0].numpy()
    np.testing.assert_allclose(box, [-400, -400, 400, 400], rtol=1e-5)


def test_results_of_overflowing_sides_stay_in_the_picture(task):
    found = results(task, deltas={ROW: (0, 0, 1e6, 1e6)}, objectness={ROW: 9.0})
    assert np.all(found["boxes"] >= 0) and np.all(found["boxes"] <= 32)


def test_losses_of_a_model_are_those_of_its_outputs():
    model = models.yolox_nano(classes=2, input_shape=(64, 96, 3), width=0.125)
    images = draw.pictures(2, 64, 96)
    target = targets([((10, 10, 50, 40), 1)], [])
    found = model.task.losses(model, images, target, training=False)
    raw = model(images, training=False)
    again = model.task.output_losses(raw, target, image_size=(64, 96))
    assert {k: float(v) for k, v in found.items()} == {
        k: float(v) for k, v in again.items()
    }
