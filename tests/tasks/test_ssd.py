"""What raw outputs of SSD mean: losses and results, worked by hand.

Pictures have eight anchors of 32 px in a row; A = (0, 0, 32, 32) is the first.
"""

import functools
import math

import keras
import numpy as np
import pytest

from kzoo.ops.anchors import Anchors
from kzoo.tasks.ssd import SSDDetection
from tests.tasks import by_hand
from tests.tasks.by_hand import targets

SIZE = (32, 256)
A = (0, 0, 32, 32)
# The delta from A is 4 px of 32 to the right, over the variance 0.1.
BOX = (4, 0, 36, 32)
RIGHT = 1.25
LN2, LN3 = math.log(2), math.log(3)
losses = functools.partial(by_hand.losses, size=SIZE)
gradients = functools.partial(by_hand.gradients, size=SIZE)


@pytest.fixture
def task():
    """One class and background."""
    return SSDDetection(1, Anchors((32,), [[(32, 32)]]))


def outputs(background=0.0, deltas=None, count=1):
    """Logits (background, 0) of 8 anchors, one number or eight; deltas 0 unless told.

    Without an object an anchor of background b costs softplus(-b).
    """
    logits = np.zeros((count, 8, 2), "float32")
    logits[..., 0] = background
    deltas = np.zeros((count, 8, 4)) if deltas is None else deltas
    return {"logits": logits, "deltas": np.array(deltas, "float32")}


# Probability of background: 1/4 of the second anchor, 1/2 of two, 3/4 of the rest.
HARD = [LN3, -LN3, 0, LN3, LN3, LN3, 0, LN3]


def test_class_loss_by_hand(task):
    """A says background and is an object; of seven others the three worst count."""
    found = losses(task, outputs(HARD), targets([(BOX, 0)]))
    expected = -math.log(1 / 4) - math.log(1 / 4) + 2 * LN2
    assert found["class_loss"] == pytest.approx(expected, rel=1e-5)


def test_only_the_hardest_of_a_picture_learn(task):
    gradient = gradients(task, outputs(HARD), targets([(BOX, 0)]))["logits"][0]
    learns = np.any(gradient != 0, axis=-1)
    np.testing.assert_array_equal(np.flatnonzero(learns), [0, 1, 2, 6])
    assert gradient[0, 1] < 0 < gradient[0, 0]  # more class 0
    assert np.all(gradient[[1, 2, 6], 1] > 0)


def test_each_picture_has_negatives_of_its_own(task):
    """Hard ones of the second picture do not take the place of the first's."""
    both = {
        k: np.concatenate([x, y])
        for (k, x), y in zip(outputs(9.0).items(), outputs(-9.0).values())
    }
    gradient = gradients(task, both, targets([(BOX, 0)], [(BOX, 0)]))["logits"]
    assert np.sum(np.any(gradient != 0, axis=-1), axis=1).tolist() == [4, 4]


def test_there_may_be_fewer_negatives_than_three_times_the_objects(task):
    full = [((32 * i, 0, 32 * i + 32, 32), 0) for i in range(6)]
    found = losses(task, outputs(), targets(full))
    assert found["class_loss"] == pytest.approx(8 * LN2 / 6, rel=1e-5)


def test_smooth_l1_by_hand(task):
    """Errors 1/2, below beta = 1, and 3, above; those of others do not count."""
    deltas = np.full((1, 8, 4), 9.0)
    deltas[0, 0] = [RIGHT + 0.5, 0, 0, 3]
    found = losses(task, outputs(deltas=deltas), targets([(BOX, 0)]))
    assert found["box_loss"] == pytest.approx(0.5 * 0.5**2 + (3 - 0.5), rel=1e-5)


@pytest.mark.parametrize("box_loss", ["smooth_l1", "giou"])
def test_perfect_deltas_cost_nothing(task, box_loss):
    task.box_loss = box_loss
    perfect = outputs(deltas=[[[RIGHT, 0, 0, 0]] * 8])
    found = losses(task, perfect, targets([(BOX, 0)]))
    assert found["box_loss"] == pytest.approx(0, abs=1e-6)


def test_an_unknown_box_loss_gets_the_choices(task):
    task.box_loss = "l2"
    with pytest.raises(ValueError, match="no box loss 'l2'; kzoo has smooth_l1, giou"):
        losses(task, outputs(), targets([(BOX, 0)]))


def test_the_normalizer_is_the_objects_of_the_whole_batch(task):
    first = losses(task, outputs(HARD), targets([(BOX, 0)]))
    twice = losses(task, outputs(HARD, count=2), targets([(BOX, 0)], [(BOX, 0)]))
    assert twice == pytest.approx(first, rel=1e-5)


NOTHING = {
    "no boxes": targets([]),
    "all padding": targets([], rows=5),
    "a point": targets([((10, 10, 10, 10), 0)]),
    "a line": targets([((10, 0, 10, 32), 0)]),
    "turned": targets([((20, 20, 10, 10), 0)]),
    "outside": targets([((-50, -50, -10, -10), 0)]),
}


@pytest.mark.parametrize("target", NOTHING.values(), ids=NOTHING)
def test_without_objects_three_anchors_learn_background(task, target):
    """The authors' learn nothing then; ours divides by 1 and stays finite."""
    found = losses(task, outputs(HARD), target)
    assert found["box_loss"] == 0
    assert found["class_loss"] == pytest.approx(-math.log(1 / 4) + 2 * LN2, rel=1e-5)
    gradient = gradients(task, outputs(HARD), target)
    assert np.all(np.isfinite(gradient["logits"]))
    assert np.sum(gradient["logits"][0, :, 0] < 0) == 3
    np.testing.assert_array_equal(gradient["deltas"], 0)
    task.least_negatives = 0
    assert losses(task, outputs(HARD), target)["class_loss"] == 0


def test_padding_may_hold_anything(task):
    clean = targets([(BOX, 0)], rows=4)
    dirty = {name: x.copy() for name, x in clean.items()}
    dirty["boxes"][0, 1:] = [[0, 0, 32, 32], [5, 5, 5, 5], [1e9, -1e9, 3, 4]]
    dirty["labels"][0, 1:] = [0, 99, -1]
    given = outputs(HARD, np.full((1, 8, 4), 0.3))
    assert losses(task, given, dirty) == losses(task, given, clean)


def test_a_box_larger_than_the_picture_has_an_anchor(task):
    found = losses(task, outputs(), targets([((-500, -500, 900, 900), 0)]))
    assert found["class_loss"] == pytest.approx(4 * LN2, rel=1e-5)
    assert 0 < found["box_loss"] < 200


def test_gradients_are_finite_far_from_the_truth(task):
    for size in (-100, 100):
        given = outputs(size, np.full((1, 8, 4), size))
        gradient = gradients(task, given, targets([(BOX, 0)]))
        assert all(np.all(np.isfinite(x)) for x in gradient.values())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_losses_are_float32_under_mixed_precision(task, dtype):
    half = {k: keras.ops.cast(x, dtype) for k, x in outputs(2.0).items()}
    found = task.output_losses(half, targets([(BOX, 0)]), SIZE)
    assert {x.dtype.name for x in found.values()} == {"float32"}
    full = task.output_losses(outputs(2.0), targets([(BOX, 0)]), SIZE)
    for name in full:
        assert float(found[name]) == pytest.approx(float(full[name]), rel=1e-6)


def test_scores_are_a_softmax_of_which_background_is_left_out():
    task = SSDDetection(2, Anchors((32,), [[(32, 32)]]))
    logits = np.log(np.array([[[2, 1, 1], [1, 6, 3]]], "float32"))
    scores = np.asarray(task.scores({"logits": logits}))
    np.testing.assert_allclose(scores, [[[0.25, 0.25], [0.6, 0.3]]], rtol=1e-6)


def results(task, *args):
    found = task.results(outputs(*args), image_size=SIZE)
    return {name: keras.ops.convert_to_numpy(x) for name, x in found.items()}


def test_results_are_the_boxes_that_the_outputs_say(task):
    """A is surely an object and moved 4 px right and made e ** 0.2 times as high."""
    deltas = [[[RIGHT, 0, 0, 1]] * 8]
    found = results(task, [-LN3, *[9.0] * 7], deltas)
    assert found["count"] == [1] and found["scores"].shape == (1, 200)
    assert found["scores"][0, 0] == pytest.approx(0.75, rel=1e-5)
    assert found["classes"][0, 0] == 0
    np.testing.assert_allclose(found["boxes"][0, 0], BOX, atol=1e-4)
    task.score_threshold = 0.0
    assert results(task, 9.0)["count"] == [8]


def test_boxes_grow_by_the_variance(task):
    found = results(task, [-9.0, *[9.0] * 7], [[[0, 0, -1, 0]] * 8])
    half = 16 * math.exp(-0.2)
    expected = [16 - half, 0, 16 + half, 32]
    np.testing.assert_allclose(found["boxes"][0, 0], expected, atol=1e-4)


def test_settings_are_kept(task):
    assert task.settings()["least_negatives"] == 3
    assert task.settings()["max_detections"] == 200
