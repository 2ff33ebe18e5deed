"""What raw outputs of an anchor detector mean: losses and results, worked by hand.

The pictures here have two anchors, A = (0, 0, 32, 32) and B = (32, 0, 64, 32).
"""

import functools
import math

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.ops.anchors import Anchors
from kzoo.tasks.anchors import AnchorDetection
from tests.tasks import by_hand
from tests.tasks.by_hand import targets

SIZE = (32, 64)
A, B = (0, 0, 32, 32), (32, 0, 64, 32)
# IoU with A is 28 / 36, with B 4 / 60; the delta from A is 4 px of 32 to the right.
BOX = (4, 0, 36, 32)
LN3 = math.log(3)
losses = functools.partial(by_hand.losses, size=SIZE)
gradients = functools.partial(by_hand.gradients, size=SIZE)


@pytest.fixture
def task():
    return AnchorDetection(2, Anchors((32,), [[(32, 32)]]))


def outputs(logits=None, deltas=None, count=1):
    """Logits 0 and deltas 0 of `count` pictures, unless told."""
    logits = np.zeros((count, 2, 2)) if logits is None else logits
    deltas = np.zeros((count, 2, 4)) if deltas is None else deltas
    return {
        "logits": np.array(logits, "float32"),
        "deltas": np.array(deltas, "float32"),
    }


def test_class_loss_by_hand(task):
    """Focal loss, alpha 0.25, gamma 2, of probabilities 3/4 and 1/2; 1/2 and 1/4."""
    logits = [[[LN3, 0], [0, -LN3]]]
    expected = (
        0.25 * 0.25**2 * -math.log(0.75)  # A is an object of class 0
        + 0.75 * 0.5**2 * -math.log(0.5)  # and not of class 1
        + 0.75 * 0.5**2 * -math.log(0.5)  # B is nothing
        + 0.75 * 0.25**2 * -math.log(0.75)
    )
    found = losses(task, outputs(logits), targets([(BOX, 0)]))
    assert found["class_loss"] == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(0.2779103, rel=1e-6)


def test_smooth_l1_by_hand(task):
    """Errors 1/18, below beta = 1/9, and 1, above; those of B do not count."""
    deltas = [[[0.125 + 1 / 18, 0, 0, 1], [9, 9, 9, 9]]]
    expected = 0.5 * (1 / 18) ** 2 * 9 + (1 - 0.5 / 9)
    found = losses(task, outputs(deltas=deltas), targets([(BOX, 0)]))
    assert found["box_loss"] == pytest.approx(expected, rel=1e-5)


def test_giou_by_hand(task):
    """Deltas 0 predict A: 28 of 36 px overlap and the hull is the union."""
    task.box_loss = "giou"
    found = losses(task, outputs(), targets([(BOX, 0)]))
    assert found["box_loss"] == pytest.approx(1 - 28 / 36, rel=1e-5)


def test_perfect_deltas_cost_nothing(task):
    perfect = outputs(deltas=[[[0.125, 0, 0, 0], [0, 0, 0, 0]]])
    for task.box_loss in ("smooth_l1", "giou"):
        found = losses(task, perfect, targets([(BOX, 0)]))
        assert found["box_loss"] == pytest.approx(0, abs=1e-6)


def test_the_normalizer_is_the_objects_of_the_whole_batch(task):
    """One of two pictures has an object: its sum is halved by nothing."""
    first = losses(task, outputs(), targets([(BOX, 0)]))
    empty = losses(task, outputs(), targets([]))
    both = losses(task, outputs(count=2), targets([(BOX, 0)], []))
    for name in first:
        assert both[name] == pytest.approx(first[name] + empty[name], rel=1e-5)
    twice = losses(task, outputs(count=2), targets([(BOX, 0)], [(BOX, 0)]))
    assert twice == pytest.approx(first, rel=1e-5)


def test_ignored_anchors_cost_nothing(task):
    """A box 60 px wide over both anchors: IoU 32 / 60 with A and 28 / 64 with B."""
    target = targets([((0, 0, 60, 32), 1)])
    for logit in (-5, 5):
        found = losses(task, outputs([[[0, 0], [logit, logit]]]), target)
        expected = (0.25 + 0.75) * 0.25 * math.log(2)
        assert found["class_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("box_loss", ["smooth_l1", "giou"])
@pytest.mark.parametrize(
    "target",
    [
        targets([]),
        targets([], rows=5),
        targets([((10, 10, 10, 10), 1)]),
        targets([((10, 0, 10, 32), 1)]),
        targets([((20, 20, 10, 10), 1)]),
        targets([((-50, -50, -10, -10), 1)]),
    ],
    ids=["no boxes", "all padding", "a point", "a line", "turned", "outside"],
)
def test_without_objects_the_background_is_learned(task, target, box_loss):
    """Finite losses, and every logit is pushed down; the boxes are left alone."""
    task.box_loss = box_loss
    found = losses(task, outputs(), target)
    # Four negatives at probability 1/2.
    assert found["class_loss"] == pytest.approx(4 * 0.75 * 0.25 * math.log(2), rel=1e-5)
    assert found["box_loss"] == 0
    gradient = gradients(task, outputs(), target)
    assert np.all(gradient["logits"] > 0) and np.all(np.isfinite(gradient["logits"]))
    np.testing.assert_array_equal(gradient["deltas"], 0)


def test_padding_may_hold_anything(task):
    clean = targets([(BOX, 1)], rows=4)
    dirty = {name: x.copy() for name, x in clean.items()}
    dirty["boxes"][0, 1:] = [[0, 0, 32, 32], [5, 5, 5, 5], [1e9, -1e9, 3, 4]]
    dirty["labels"][0, 1:] = [0, 99, -1]
    given = outputs([[[1, 2], [-1, 0.5]]], np.full((1, 2, 4), 0.3))
    for task.box_loss in ("smooth_l1", "giou"):
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


@pytest.mark.parametrize("box_loss", ["smooth_l1", "giou"])
def test_gradients_are_finite_far_from_the_truth(task, box_loss):
    task.box_loss = box_loss
    for size in (-100, 100):
        given = outputs(np.full((1, 2, 2), size), np.full((1, 2, 4), size))
        gradient = gradients(task, given, targets([(BOX, 0)]))
        assert all(np.all(np.isfinite(x)) for x in gradient.values())


def test_losses_are_float32_under_mixed_precision(task):
    half = {k: keras.ops.cast(x, "bfloat16") for k, x in outputs().items()}
    found = task.output_losses(half, targets([(BOX, 0)]), SIZE)
    assert {x.dtype.name for x in found.values()} == {"float32"}
    full = task.output_losses(outputs(), targets([(BOX, 0)]), SIZE)
    for name in full:
        assert float(found[name]) == pytest.approx(float(full[name]), rel=1e-6)


def test_an_unknown_box_loss_gets_the_choices(task):
    task.box_loss = "l2"
    with pytest.raises(ValueError, match="no box loss 'l2'; kzoo has smooth_l1, giou"):
        losses(task, outputs(), targets([(BOX, 0)]))


def test_anchors_need_the_size_of_the_picture(task):
    with pytest.raises(ValueError, match=r"\(None, 64\).*input_shape="):
        task.output_losses(outputs(), targets([]), (None, 64))


def results(task, *args):
    found = task.results(outputs(*args), image_size=SIZE)
    return {name: keras.ops.convert_to_numpy(x) for name, x in found.items()}


def test_results_are_the_boxes_that_the_outputs_say(task):
    """A is surely class 1 and moved 4 px right; B is nothing."""
    deltas = [[[0.125, 0, 0, 0], [0, 0, 0, 0]]]
    found = results(task, [[[-9, LN3], [-9, -9]]], deltas)
    assert found["count"] == [1]
    np.testing.assert_allclose(found["boxes"][0, 0], BOX, atol=1e-4)
    assert found["scores"][0, 0] == pytest.approx(0.75, rel=1e-5)
    assert found["classes"][0, 0] == 1
    assert found["boxes"].shape == (1, 100, 4)
    for name in ("boxes", "scores", "classes"):
        assert not np.any(found[name][0, 1:])


def test_results_are_sorted_and_an_anchor_may_have_two_classes(task):
    found = results(task, [[[0, LN3], [2, -9]]])
    assert found["count"] == [3]
    assert list(found["classes"][0, :3]) == [0, 1, 0]
    np.testing.assert_allclose(found["boxes"][0, :3], [B, A, A], atol=1e-4)
    assert np.all(np.diff(found["scores"][0]) <= 0)


def test_results_of_one_class_suppress_each_other(task):
    """Both anchors say the same box; the surer one stays."""
    deltas = [[[0, 0, 0, 0], [-1, 0, 0, 0]]]
    found = results(task, [[[1, -9], [2, -9]]], deltas)
    assert found["count"] == [1]
    assert found["scores"][0, 0] == pytest.approx(1 / (1 + math.exp(-2)), rel=1e-5)
    assert results(task, [[[1, -9], [-9, 2]]], deltas)["count"] == [2]


def test_results_stay_in_the_picture(task):
    deltas = [[[-0.5, -0.5, 0, 0], [5, 0, 0, 100]]]
    found = results(task, [[[2, -9], [1, -9]]], deltas)
    np.testing.assert_allclose(found["boxes"][0, 0], [0, 0, 16, 16], atol=1e-4)
    assert np.all(found["boxes"][0] >= 0) and np.all(found["boxes"][0] <= [64, 32] * 2)


def test_the_settings_of_results(task):
    logits = [[[0, LN3], [2, -9]]]
    task.score_threshold = 0.6
    assert results(task, logits)["count"] == [2]
    task.score_threshold, task.max_detections = 0.05, 1
    assert results(task, logits)["scores"].shape == (1, 1)
    task.max_detections, task.level_detections = 100, 2
    assert results(task, logits)["count"] == [2]


def test_results_of_nothing(task):
    found = results(task, np.full((1, 2, 2), -9.0))
    assert found["count"] == [0] and not np.any(found["boxes"])


def test_losses_of_a_model_are_those_of_its_outputs():
    model = models.retinanet(
        classes=2,
        backbone="resnet18(width=0.0625)",
        input_shape=(64, 96, 3),
        filters=8,
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3)).astype("uint8")
    target = targets([((10, 10, 50, 40), 1)], [])
    found = model.task.losses(model, images, target, training=False)
    raw = model(images, training=False)
    again = model.task.output_losses(raw, target, image_size=(64, 96))
    assert {k: float(v) for k, v in found.items()} == {
        k: float(v) for k, v in again.items()
    }


def test_the_evaluator_knows_the_names(task):
    task.class_names = ["cat", "dog"]
    evaluator = task.evaluator()
    boxes = np.array([A], "float32")
    truth = {"boxes": boxes, "labels": np.array([1]), "crowd": np.array([False])}
    found = {"boxes": boxes, "scores": np.array([0.9]), "classes": np.array([1])}
    evaluator.update([truth], [found])
    assert evaluator.result()["per_class"]["dog"] == pytest.approx(1)
