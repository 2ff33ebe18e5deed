"""What raw outputs of FCOS mean: losses and results, worked by hand.

The pictures here are 8 x 16 with two points, A = (4, 4) and B = (12, 4), of stride 8.
"""

import functools
import math

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.ops.points import Points
from kzoo.tasks.points import PointDetection
from tests.tasks import by_hand
from tests.tasks.by_hand import targets

SIZE = (8, 16)
# From A its sides are 3, 2, 1 and 4 away; B lies outside.
BOX = (1, 2, 5, 8)
CENTERNESS = math.sqrt(1 / 3 * 2 / 4)
LN2, LN3, LN5 = math.log(2), math.log(3), math.log(5)
losses = functools.partial(by_hand.losses, size=SIZE)
gradients = functools.partial(by_hand.gradients, size=SIZE)


@pytest.fixture
def task():
    return PointDetection(2, Points((8,)))


def outputs(logits=None, deltas=None, centerness=None, count=1):
    """Zeros of `count` pictures, unless told."""
    given = {"logits": logits, "deltas": deltas, "centerness": centerness}
    widths = {"logits": 2, "deltas": 4, "centerness": 1}
    return {
        name: np.array(
            np.zeros((count, 2, widths[name])) if x is None else x, "float32"
        )
        for name, x in given.items()
    }


def test_class_loss_by_hand(task):
    """Focal loss of probabilities 3/4 and 1/2 at A, of 1/2 and 1/4 at B."""
    logits = [[[LN3, 0], [0, -LN3]]]
    expected = (
        0.25 * 0.25**2 * -math.log(0.75)  # A is an object of class 0
        + 0.75 * 0.5**2 * LN2  # and not of class 1
        + 0.75 * 0.5**2 * LN2  # B is nothing
        + 0.75 * 0.25**2 * -math.log(0.75)
    )
    found = losses(task, outputs(logits), targets([(BOX, 0)]))
    assert found["class_loss"] == pytest.approx(expected, rel=1e-5)


def test_iou_loss_by_hand(task):
    """Deltas 0 are 1 px to each side: 4 of the box's 24 square pixels, a pixel added
    to both. The weight of the one box cancels."""
    found = losses(task, outputs(), targets([(BOX, 0)]))
    assert found["box_loss"] == pytest.approx(-math.log(5 / 25), rel=1e-5)


def test_central_points_weigh_more(task):
    """A as before, B in the middle of a box of 4 x 4 with 3 px too few on each side:
    (-log(5/25) * its centre-ness + -log(5/17) * 1) / the sum of both weights."""
    target = targets([(BOX, 0), ((10, 2, 14, 6), 1)])
    weighed = (LN5 * CENTERNESS + math.log(17 / 5)) / (CENTERNESS + 1)
    assert losses(task, outputs(), target)["box_loss"] == pytest.approx(weighed)
    task.weigh_boxes = False
    alike = (LN5 + math.log(17 / 5)) / 2
    assert losses(task, outputs(), target)["box_loss"] == pytest.approx(alike)


def test_giou_and_strides_by_hand(task):
    """ReLU of 1/8 is 1 px; the hull is the box itself."""
    task.box_loss, task.distance = "giou", "relu"
    deltas = np.full((1, 2, 4), 1 / 8)
    found = losses(task, outputs(deltas=deltas), targets([(BOX, 0)]))
    assert found["box_loss"] == pytest.approx(1 - 4 / 24, rel=1e-5)


def test_centerness_loss_by_hand(task):
    """Cross entropy of 3/4 with the root of 1/6; B does not count."""
    found = losses(task, outputs(centerness=[[[LN3], [9]]]), targets([(BOX, 0)]))
    expected = -CENTERNESS * math.log(0.75) - (1 - CENTERNESS) * math.log(0.25)
    assert found["centerness_loss"] == pytest.approx(expected, rel=1e-5)


def test_perfect_deltas_cost_nothing(task):
    target, sides = targets([(BOX, 0)]), np.array([[[3, 2, 1, 4], [1, 1, 1, 1]]])
    found = losses(task, outputs(deltas=np.log(sides)), target)
    assert found["box_loss"] == pytest.approx(0, abs=1e-6)
    task.box_loss, task.distance = "giou", "relu"
    found = losses(task, outputs(deltas=sides / 8), target)
    assert found["box_loss"] == pytest.approx(0, abs=1e-6)


def test_the_normalizer_is_the_points_of_the_whole_batch(task):
    first = losses(task, outputs(), targets([(BOX, 0)]))
    empty = losses(task, outputs(), targets([]))
    both = losses(task, outputs(count=2), targets([(BOX, 0)], []))
    for name in first:
        assert both[name] == pytest.approx(first[name] + empty[name], rel=1e-5)
    twice = losses(task, outputs(count=2), targets([(BOX, 0)], [(BOX, 0)]))
    assert twice == pytest.approx(first, rel=1e-5)


@pytest.mark.parametrize("distance", ["exp", "relu"])
@pytest.mark.parametrize(
    "target",
    [
        targets([]),
        targets([], rows=5),
        targets([((4, 4, 4, 4), 1)]),
        targets([((4, 0, 4, 8), 1)]),
        targets([((8, 8, 0, 0), 1)]),
        targets([((-50, -50, -10, -10), 1)]),
    ],
    ids=["no boxes", "all padding", "a point", "a line", "turned", "outside"],
)
def test_without_objects_the_background_is_learned(task, target, distance):
    """Finite losses, and every logit is pushed down; all else is left alone."""
    task.distance = distance
    found = losses(task, outputs(), target)
    # Four negatives at probability 1/2.
    assert found["class_loss"] == pytest.approx(4 * 0.75 * 0.25 * LN2, rel=1e-5)
    assert found["box_loss"] == found["centerness_loss"] == 0
    gradient = gradients(task, outputs(), target)
    assert np.all(gradient["logits"] > 0) and np.all(np.isfinite(gradient["logits"]))
    np.testing.assert_array_equal(gradient["deltas"], 0)
    np.testing.assert_array_equal(gradient["centerness"], 0)


def test_padding_may_hold_anything(task):
    clean = targets([(BOX, 1)], rows=4)
    dirty = {name: x.copy() for name, x in clean.items()}
    dirty["boxes"][0, 1:] = [[0, 0, 8, 8], [5, 5, 5, 5], [1e9, -1e9, 3, 4]]
    dirty["labels"][0, 1:] = [0, 99, -1]
    given = outputs([[[1, 2], [-1, 0.5]]], np.full((1, 2, 4), 0.3))
    assert losses(task, given, dirty) == losses(task, given, clean)
    first, second = gradients(task, given, dirty), gradients(task, given, clean)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_there_may_be_no_rows_for_boxes_at_all(task):
    padding = losses(task, outputs(), targets([], rows=1))
    assert losses(task, outputs(), targets([])) == padding


def test_class_0_is_an_object_and_not_background(task):
    gradient = gradients(task, outputs(), targets([(BOX, 0)]))["logits"][0]
    assert gradient[0, 0] < 0 and gradient[0, 1] > 0 and np.all(gradient[1] > 0)


def test_two_hundred_boxes_and_one_larger_than_the_picture(task):
    many = [((1 + i / 100, 2, 5, 8), i % 2) for i in range(199)]
    target = targets([((-90, -90, 99, 99), 1), *many])
    found = losses(task, outputs(), target)
    assert all(math.isfinite(x) for x in found.values())
    # A has the smallest that holds it, B the one larger than the picture.
    sides = [1.02, 2, 1, 4], [102, 94, 87, 95]
    perfect = outputs(deltas=np.log([sides]))
    assert losses(task, perfect, target)["box_loss"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("box_loss", ["iou", "giou"])
@pytest.mark.parametrize("distance", ["exp", "relu"])
def test_gradients_are_finite_far_from_the_truth(task, distance, box_loss):
    task.distance, task.box_loss = distance, box_loss
    for size in (-100, 100):
        given = outputs(*(np.full((1, 2, n), size) for n in (2, 4, 1)))
        gradient = gradients(task, given, targets([(BOX, 0)]))
        assert all(np.all(np.isfinite(x)) for x in gradient.values())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_losses_are_float32_under_mixed_precision(task, precision):
    half = {k: keras.ops.cast(x, precision) for k, x in outputs().items()}
    found = task.output_losses(half, targets([(BOX, 0)]), SIZE)
    assert {x.dtype.name for x in found.values()} == {"float32"}
    full = task.output_losses(outputs(), targets([(BOX, 0)]), SIZE)
    for name in full:
        assert float(found[name]) == pytest.approx(float(full[name]), rel=1e-6)


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("box_loss", "l2", "no box loss 'l2'; kzoo has iou, giou"),
        ("distance", "log", "no distance 'log'; kzoo has exp, relu"),
    ],
)
def test_unknown_settings_get_the_choices(task, name, value, words):
    setattr(task, name, value)
    with pytest.raises(ValueError, match=words):
        losses(task, outputs(), targets([(BOX, 0)]))


def test_points_need_the_size_of_the_picture(task):
    with pytest.raises(ValueError, match=r"\(None, 16\).*input_shape="):
        task.output_losses(outputs(), targets([]), (None, 16))


def results(task, *args):
    found = task.results(outputs(*args), image_size=SIZE)
    return {name: keras.ops.convert_to_numpy(x) for name, x in found.items()}


def test_results_are_the_boxes_that_the_outputs_say(task):
    """A is class 1 by 3/4 and central by 1/3: the root of 1/4. B is nothing."""
    deltas = np.log([[[3, 2, 1, 4], [1, 1, 1, 1]]])
    found = results(task, [[[-9, LN3], [-9, -9]]], deltas, [[[-LN2], [-9]]])
    assert found["count"] == [1]
    np.testing.assert_allclose(found["boxes"][0, 0], BOX, atol=1e-4)
    assert found["scores"][0, 0] == pytest.approx(0.5, rel=1e-5)
    assert found["classes"][0, 0] == 1
    assert found["boxes"].shape == (1, 100, 4)


def test_the_product_of_the_paper_gives_the_same_order(task):
    rng = np.random.default_rng(0)
    given = outputs(rng.normal(size=(1, 2, 2)), None, rng.normal(size=(1, 2, 1)))
    probability = 1 / (1 + np.exp(-given["logits"]))
    product = probability / (1 + np.exp(-given["centerness"]))
    found = keras.ops.convert_to_numpy(task.scores(given))
    np.testing.assert_allclose(found**2, product, rtol=1e-5)


def test_results_stay_in_the_picture_and_are_never_infinite(task):
    found = results(task, [[[2, -9], [1, -9]]], np.full((1, 2, 4), 1000.0))
    np.testing.assert_allclose(found["boxes"][0, 0], [0, 0, 16, 8])


def test_candidates_are_all_rows(task):
    found = task.candidates(outputs(count=3), SIZE)
    assert found["boxes"].shape == (3, 2, 4) and found["scores"].shape == (3, 2, 2)
    np.testing.assert_allclose(found["boxes"][1], [[3, 3, 5, 5], [11, 3, 13, 5]])


def test_losses_of_a_model_are_those_of_its_outputs():
    model = models.fcos_torchvision(
        classes=2,
        backbone="resnet18(width=0.0625)",
        input_shape=(64, 96, 3),
        reach=4.0,
        filters=32,
        depth=1,
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3)).astype("uint8")
    target = targets([((10, 10, 50, 40), 1)], [])
    found = model.task.losses(model, images, target, training=False)
    raw = model(images, training=False)
    again = model.task.output_losses(raw, target, image_size=(64, 96))
    assert {k: float(v) for k, v in found.items()} == {
        k: float(v) for k, v in again.items()
    }
    assert all(float(x) > 0 for x in found.values())
