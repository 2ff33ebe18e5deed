"""What raw outputs of YOLO v1 and v2 mean, worked by hand; more against the authors'
own program in tests/models/test_darknet_parity.py.

Pictures are 64 x 128: two cells of 64 pixels, with two boxes each.
"""

import functools
import math

import keras
import numpy as np
import pytest

from kzoo.tasks.yolo_v1 import YoloV1Detection
from kzoo.tasks.yolo_v2 import YoloV2Detection
from tests.golden import darknet_cases as cases
from tests.tasks import by_hand
from tests.tasks.by_hand import targets

SIZE = (64, 128)
# Left of the middle; its centre is that of the left cell.
BOX = (16, 16, 48, 48)
PRIORS = ((0.5, 0.5), (2.0, 1.0))
losses = functools.partial(by_hand.losses, size=SIZE)
gradients = functools.partial(by_hand.gradients, size=SIZE)


@pytest.fixture(params=["v1", "v2"])
def task(request):
    return v1() if request.param == "v1" else v2()


def v1():
    return YoloV1Detection(2, stride=64, boxes=2)


def v2():
    return YoloV2Detection(2, PRIORS, stride=64)


def outputs(task, count=1, **given):
    """Zeros, unless told."""
    classes = 2 if isinstance(task, YoloV1Detection) else 4
    raw = {"logits": (classes, 2), "objectness": (4, 1), "deltas": (4, 4)}
    raw = {k: np.zeros((count, *shape), "float32") for k, shape in raw.items()}
    return raw | {k: np.float32(x).reshape(raw[k].shape) for k, x in given.items()}


def test_v1_by_hand():
    """The object is 32 x 32 in the middle of the left cell: x = y = 1/2, and the roots
    of 1/4 of the width and 1/2 of the height."""
    deltas = [[0.5, 0.5, 0.5, 1.0], [0.5, 0.25, 0, 0], [0] * 4, [0] * 4]
    objectness, logits = [0.75, 0.5, -1.0, 2.0], [[0.25, 1.0], [3.0, -3.0]]
    task = v1()
    raw = outputs(task, deltas=deltas, objectness=objectness, logits=logits)
    found = losses(task, raw, targets([(BOX, 0)]))
    # The first box is as wide and twice as high: IoU 1/2; the second has no area.
    assert found["box_loss"] == pytest.approx(5 / 2 * (1 - math.sqrt(0.5)) ** 2)
    object_loss = (0.5 - 0.75) ** 2 + 0.5 * (0.5**2 + 1 + 4)
    assert found["object_loss"] == pytest.approx(object_loss / 2)
    assert found["class_loss"] == pytest.approx((0.75**2 + 1.0**2) / 2)


def test_v1_where_no_box_touches_the_nearest_is_responsible():
    """Both are points; the second is nearer to (1/2, 1/2) of the cell."""
    task = v1()
    deltas = [[0, 0, 0, 0], [0.5, 0.25, 0, 0], [0] * 4, [0] * 4]
    raw = outputs(task, deltas=deltas)
    gradient = gradients(task, raw, targets([(BOX, 0)]))["deltas"][0]
    assert np.all(gradient[[0, 2, 3]] == 0)
    expected = [0, 0.25 - 0.5, -0.5, -math.sqrt(0.5)]
    np.testing.assert_allclose(gradient[1], 5 * np.array(expected), rtol=1e-5)


def test_v1_a_cell_has_one_object_and_the_first_one_is_it():
    task = v1()
    other = (0, 0, 60, 60)
    raw = outputs(task, deltas=np.full((4, 4), 0.4), objectness=[1, 0, 1, 0])
    both = losses(task, raw, targets([(BOX, 1), (other, 0)]))
    assert both == losses(task, raw, targets([(BOX, 1)]))
    assert both != losses(task, raw, targets([(other, 0)]))


def test_v1_scores_stay_in_0_to_1():
    task = v1()
    raw = outputs(task, objectness=[0.5, -1, 2, 0], logits=[[0.5, 1.5], [0.75, -0.25]])
    expected = [[0.25, 0.75], [0, 0], [1, 0], [0, 0]]
    np.testing.assert_allclose(task.scores(raw)[0], expected)


def test_v2_by_hand():
    """The object has the shape of the first prior, 32 x 32, and the left cell."""
    ln2, ln3 = math.log(2), math.log(3)
    task = v2()
    # The centre is said at 3/4 and 1/2 of the cell, the width twice as large.
    deltas = [[ln3, 0, ln2, 0], [0] * 4, [0] * 4, [0] * 4]
    objectness, logits = [ln3, -ln3, 0, 0], [[ln3, 0], [0, 0], [0, 0], [0, 0]]
    raw = outputs(task, deltas=deltas, objectness=objectness, logits=logits)
    found = losses(task, raw, targets([(BOX, 1)]))
    weight = 2 - 32 * 32 / (64 * 128)
    assert found["box_loss"] == pytest.approx(weight * (0.25**2 + ln2**2) / 2)
    # 16..80 x 16..48 against 16..48 x 16..48: IoU 1/2. The rest is background: the
    # second prior of the left cell is 128 x 64 around its middle, IoU 1/8 at most.
    object_loss = 5 * (0.5 - 0.75) ** 2 + 0.25**2 + 0.5**2 + 0.5**2
    assert found["object_loss"] == pytest.approx(object_loss / 2)
    assert found["class_loss"] == pytest.approx(math.log(4))


def test_v2_a_box_above_the_threshold_is_no_background():
    """The second prior of the left cell, moved to the middle, is the picture itself."""
    task = v2()
    deltas = np.zeros((4, 4))
    deltas[1, 0] = 50  # the right end of its cell: the picture's middle
    raw = outputs(task, deltas=deltas)
    # The picture's own cell is the right one: its centre is on the line between both.
    target = targets([((0, 0, 128, 64), 0)])
    gradient = gradients(task, raw, target)["objectness"][0, :, 0]
    assert gradient[1] == 0 and gradient[0] > 0 and gradient[2] > 0
    task.ignore_threshold = 1.0
    assert gradients(task, raw, target)["objectness"][0, 1, 0] > 0


def test_v2_of_two_that_want_one_prior_the_last_has_it():
    task = v2()
    other = (0, 0, 40, 40)
    raw = outputs(task, deltas=np.full((4, 4), 0.2))
    both = losses(task, raw, targets([(BOX, 1), (other, 0)]))
    one = losses(task, raw, targets([(other, 0)]))
    assert both["class_loss"] == one["class_loss"]
    assert both["box_loss"] == one["box_loss"]


def test_v2_two_of_two_shapes_in_a_cell_are_both_learnt():
    task = v2()
    raw = outputs(task, deltas=np.full((4, 4), 0.2))
    gradient = gradients(task, raw, targets([(BOX, 0), ((0, 8, 100, 56), 1)]))
    assert np.all(np.any(gradient["deltas"][0, :2] != 0, axis=-1))
    assert np.all(gradient["deltas"][0, 2:] == 0)


def test_the_normalizer_is_the_pictures_of_the_batch(task):
    raw = outputs(task, deltas=np.full((4, 4), 0.3), objectness=[1, 0.5, -1, 0])
    twice = {name: np.concatenate([x, x]) for name, x in raw.items()}
    full, empty = targets([(BOX, 1)]), targets([], rows=1)
    both = losses(task, twice, targets([(BOX, 1)], []))
    one, none = losses(task, raw, full), losses(task, raw, empty)
    for name in both:
        assert both[name] == pytest.approx((one[name] + none[name]) / 2, rel=1e-5)


@pytest.mark.parametrize(
    "target",
    [
        targets([]),
        targets([], rows=5),
        targets([((10, 10, 10, 10), 1)]),
        targets([((20, 20, 10, 10), 1)]),
        targets([((-50, -50, -10, -10), 1)]),
        targets([((128, 0, 140, 20), 1)]),
    ],
    ids=["no rows", "all padding", "a point", "turned", "outside", "at the side"],
)
def test_without_objects_only_the_background_is_learned(task, target):
    raw = outputs(task, objectness=[1, 1, 1, 1])
    found = losses(task, raw, target)
    assert found["class_loss"] == found["box_loss"] == 0
    gradient = gradients(task, raw, target)
    assert np.all(gradient["objectness"] > 0)
    assert np.all(gradient["deltas"] == 0) and np.all(gradient["logits"] == 0)


@pytest.mark.parametrize(
    "box",
    [
        (-1000, -1000, 1000, 1000),
        (100, 0, 128, 20),
        (127.5, 0, 500, 64),
        (0, 0, 1e-3, 1e-3),
    ],
    ids=["larger than the picture", "at its side", "beyond its side", "tiny"],
)
@pytest.mark.parametrize("size", [-100, 0, 100])
def test_losses_and_gradients_are_finite(task, box, size):
    raw = outputs(task, objectness=np.full(4, size), deltas=np.full((4, 4), size))
    target = targets([(box, 1)])
    assert losses(task, raw, target)["box_loss"] > 0
    assert all(np.isfinite(list(losses(task, raw, target).values())))
    assert all(np.all(np.isfinite(x)) for x in gradients(task, raw, target).values())


def test_two_hundred_boxes(task):
    random = np.random.default_rng(0)
    corners = random.uniform(0, (118, 54), (200, 2))
    picture = [((x, y, x + 10, y + 10), i % 2) for i, (x, y) in enumerate(corners)]
    raw = outputs(task, objectness=np.ones(4))
    found = losses(task, raw, targets(picture))
    assert all(np.isfinite(list(found.values()))) and min(found.values()) > 0


def test_padding_may_hold_anything(task):
    clean = targets([(BOX, 1)], rows=4)
    dirty = {name: x.copy() for name, x in clean.items()}
    dirty["boxes"][0, 1:] = [[0, 0, 64, 64], [5, 5, 5, 5], [1e9, -1e9, 3, 4]]
    dirty["labels"][0, 1:] = [0, 99, -1]
    raw = outputs(task, deltas=np.full((4, 4), 0.3))
    assert losses(task, raw, dirty) == losses(task, raw, clean)


def test_class_0_is_an_object(task):
    gradient = gradients(task, outputs(task), targets([(BOX, 0)]))["logits"][0, 0]
    assert gradient[0] < 0


def test_losses_are_float32_under_mixed_precision(task):
    half = {k: keras.ops.cast(x, "float16") for k, x in outputs(task).items()}
    found = task.output_losses(half, targets([(BOX, 0)]), SIZE)
    assert {x.dtype.name for x in found.values()} == {"float32"}


def test_the_size_of_the_picture_must_be_known(task):
    with pytest.raises(ValueError, match=r"\(None, 128\)"):
        task.output_losses(outputs(task), targets([]), (None, 128))


def test_decoding_is_the_way_back(task):
    """The deltas of a perfect prediction give the box, from one row alone too."""
    deltas = np.zeros((1, 4, 4), "float32")
    deltas[0, 0] = [0.5, 0.5, 0.5, math.sqrt(0.5)]
    if isinstance(task, YoloV2Detection):
        deltas[0, 0] = 0
    places = task.places(SIZE)
    assert len(places) == 4 and task.counts(SIZE) == (4,)
    for rows in (slice(4), slice(1)):
        boxes = task.decode(deltas[:, rows], places[rows])
        np.testing.assert_allclose(boxes[0, 0], BOX, rtol=1e-6)


def test_v1_results_are_what_the_outputs_say():
    deltas = [[0] * 4] * 3 + [[0.5] * 4]
    logits = [[0, 0], [0, 0.5]]
    task = v1()
    raw = outputs(task, objectness=[0, 0, 0, 0.5], logits=logits, deltas=deltas)
    found = {k: np.asarray(x)[0] for k, x in task.results(raw, SIZE).items()}
    assert found["count"] == 1
    # The middle of the right cell, a quarter of each side of the picture.
    np.testing.assert_allclose(found["boxes"][0], [80, 24, 112, 40])
    assert found["classes"][0] == 1 and found["scores"][0] == 0.25


def test_v2_results_are_what_the_outputs_say():
    task = v2()
    raw = outputs(task, objectness=[-9, -9, -9, 9])
    raw["logits"][0, 3] = [0, math.log(3)]
    found = {k: np.asarray(x)[0] for k, x in task.results(raw, SIZE).items()}
    # The second prior of the right cell; what is right of the picture is cut off.
    np.testing.assert_allclose(found["boxes"][0], [32, 0, 128, 64])
    assert found["classes"][0] == 1
    assert found["scores"][0] == pytest.approx(0.75, rel=1e-3)


@pytest.mark.parametrize("name", cases.LOSSES)
def test_losses_against_a_loop(name):
    """The sum, read from the authors' code as plain loops."""
    case = cases.LOSSES[name]
    slow = slow_v2(case) if case.has_priors else slow_v1(case)
    arrays = {
        "deltas": case.raw[..., :4],
        "objectness": case.raw[..., 4],
        "logits": case.raw[..., 5:] if case.has_priors else case.raw[:, 0, 5:],
    }
    ends = {"deltas": 4, "objectness": 1, "logits": case.classes}
    raw = {k: x.reshape(1, -1, ends[k]) for k, x in arrays.items()}
    if case.has_priors:
        task = YoloV2Detection(case.classes, cases.ANCHORS_OF_CASES, case.stride)
    else:
        task = YoloV1Detection(case.classes, case.stride, case.per_cell)
    target = targets(list(zip(case.boxes, case.labels)))
    found = task.output_losses(raw, target, case.size)
    for term in slow:
        assert float(found[term]) == pytest.approx(slow[term], rel=1e-4), term


def slow_iou(a, b):
    """Of two boxes as centre and sides."""
    width, height = (
        min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2)
        - max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2)
        for i in (0, 1)
    )
    common = max(width, 0) * max(height, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def in_cells(case):
    """(cell's row, column, x, y, width, height, label) of each box, in cells."""
    for (x1, y1, x2, y2), label in zip(case.boxes, case.labels):
        x, y = (x1 + x2) / 2 / case.stride, (y1 + y2) / 2 / case.stride
        sides = (x2 - x1) / case.stride, (y2 - y1) / case.stride
        yield int(y), int(x), (x, y, *sides), label


def slow_v1(case):
    rows, columns = case.grid
    raw = case.raw.reshape(rows, columns, case.per_cell, -1).astype(float)
    whole = np.array([1, 1, columns, rows])
    found = {"class_loss": 0.0, "box_loss": 0.0, "object_loss": 0.0}
    found["object_loss"] = 0.5 * 0.5 * np.sum(raw[..., 4] ** 2)
    seen = set()
    for row, column, box, label in in_cells(case):
        if (row, column) in seen:
            continue
        seen.add((row, column))
        cell = raw[row, column]
        truth = np.array([box[0] - column, box[1] - row, *box[2:]]) / whole
        said = [(p[0], p[1], p[2] ** 2, p[3] ** 2) for p in cell]
        ious = [slow_iou(np.array(p) * whole, truth * whole) for p in said]
        scale = np.array([columns, rows, 1, 1])
        far = [np.sqrt(np.sum(((p - truth) / scale) ** 2)) for p in np.array(said)]
        best = int(np.argmax(ious)) if max(ious) > 0 else int(np.argmin(far))
        p = cell[best]
        wanted = np.array([*truth[:2], *np.sqrt(truth[2:])])
        found["box_loss"] += 0.5 * 5 * np.sum((p[:4] - wanted) ** 2)
        found["object_loss"] += 0.5 * ((ious[best] - p[4]) ** 2 - 0.5 * p[4] ** 2)
        probabilities = cell[0, 5:]
        one = np.eye(case.classes)[label]
        found["class_loss"] += 0.5 * np.sum((one - probabilities) ** 2)
    return found


def slow_v2(case):
    rows, columns = case.grid
    raw = case.raw.reshape(rows, columns, case.per_cell, -1).astype(float)
    sigmoid = 1 / (1 + np.exp(-raw))
    priors = cases.ANCHORS_OF_CASES
    owner = {}
    for row, column, box, label in in_cells(case):
        shapes = [slow_iou((0, 0, *prior), (0, 0, *box[2:])) for prior in priors]
        owner[row, column, int(np.argmax(shapes))] = box, label
    found = {"class_loss": 0.0, "box_loss": 0.0, "object_loss": 0.0}
    for row, column, n in np.ndindex(rows, columns, case.per_cell):
        p, s = raw[row, column, n], sigmoid[row, column, n]
        sides = np.exp(p[2:4]) * priors[n]
        box = column + s[0], row + s[1], *sides
        if (row, column, n) not in owner:
            ious = [slow_iou(box, other) for _, _, other, _ in in_cells(case)]
            if max(ious, default=0) <= 0.6:
                found["object_loss"] += 0.5 * s[4] ** 2
            continue
        truth, label = owner[row, column, n]
        found["object_loss"] += 0.5 * 5 * (slow_iou(box, truth) - s[4]) ** 2
        weight = 2 - truth[2] * truth[3] / (rows * columns)
        wanted = [
            truth[0] - column,
            truth[1] - row,
            *np.log(np.divide(truth[2:], priors[n])),
        ]
        said = [s[0], s[1], p[2], p[3]]
        found["box_loss"] += 0.5 * weight * np.sum(np.subtract(wanted, said) ** 2)
        found["class_loss"] -= p[5 + label] - np.log(np.sum(np.exp(p[5:])))
    return found
