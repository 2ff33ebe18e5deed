"""Losses: hand-worked values, torch's values, and gradients that stay finite."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo import losses
from tests import golden

BOX_LOSSES = ["iou", "giou", "diou", "ciou"]


@pytest.fixture(scope="module")
def theirs():
    return golden.load("ops")


def gradient(loss, x):
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    assert np.isfinite(value).all()
    return tape.gradient(value, x).numpy()


def test_focal_by_hand():
    """p = 0.5: alpha_t * 0.25 * log 2. p = 0.1: 0.75 * 0.01 * -log(0.9)."""
    logits = [0.0, 0.0, np.log(1 / 9)]
    made = losses.sigmoid_focal(np.array([1, 0, 0]), np.array(logits))
    log2 = np.log(2)
    expected = [0.25 * 0.25 * log2, 0.75 * 0.25 * log2, 0.75 * 0.01 * -np.log(0.9)]
    np.testing.assert_allclose(made, expected, rtol=1e-5)


def test_focal_of_the_paper():
    """Section 3.2: with gamma 2 an example of p_t = 0.9 has 100 times lower loss, one
    of 0.968 about 1000 times."""
    for truth, ratio in ((0.9, 100), (0.968, 1000)):
        logit = np.array([np.log(truth / (1 - truth))])
        plain = losses.sigmoid_focal(np.ones(1), logit, alpha=1.0, gamma=0.0)
        focal = losses.sigmoid_focal(np.ones(1), logit, alpha=1.0, gamma=2.0)
        np.testing.assert_allclose(plain / focal, ratio, rtol=0.05)


@pytest.mark.parametrize("alpha, gamma", [(0.25, 2.0), (0.5, 0.0), (0.9, 1.5)])
def test_focal_equals_torchvision(theirs, alpha, gamma):
    inputs = theirs["focal_targets"], theirs["focal_logits"]
    made = losses.sigmoid_focal(*inputs, alpha, gamma)
    np.testing.assert_allclose(
        made, theirs[f"focal_{alpha}_{gamma}"], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_gradient_is_finite_and_points_to_the_truth(gamma):
    logits = np.array([-100, -30, -1, 0, 1, 30, 100, -1e4, 1e4])
    for target in (0.0, 1.0):
        slope = gradient(
            lambda x: losses.sigmoid_focal(tf.fill(x.shape, target), x, gamma=gamma),
            logits,
        )
        assert np.isfinite(slope).all()
        assert ((2 * target - 1) * slope <= 0).all()
        wrong = logits * (2 * target - 1) < -20
        assert (slope[wrong] != 0).all()


def test_focal_is_zero_where_the_answer_is_right():
    made = losses.sigmoid_focal(np.array([1.0, 0.0]), np.array([100.0, -100.0]))
    np.testing.assert_array_equal(made, [0, 0])


def test_smooth_l1_by_hand():
    made = losses.smooth_l1(np.zeros(4), np.array([0, 0.05, 1 / 9, -2]))
    expected = [0, 0.5 * 0.05**2 * 9, 1 / 18, 2 - 1 / 18]
    np.testing.assert_allclose(made, expected, rtol=1e-5)


@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_smooth_l1_equals_torch(theirs, beta):
    made = losses.smooth_l1(theirs["smooth_a"], theirs["smooth_b"], beta=beta)
    np.testing.assert_allclose(made, theirs[f"smooth_{beta}"], atol=1e-6)


def test_smooth_l1_pulls_with_one_at_most():
    slope = gradient(
        lambda x: losses.smooth_l1(tf.zeros_like(x), x), [-1e6, -1, 0, 0.01, 1e6]
    )
    np.testing.assert_allclose(slope, [-1, -1, 0, 0.09, 1], rtol=1e-5)


@pytest.mark.parametrize("name", ["giou", "diou", "ciou"])
def test_box_losses_equal_torchvision(theirs, name):
    loss = getattr(losses, f"{name}_loss")
    made = loss(theirs["overlap_a"], theirs["overlap_b"])
    np.testing.assert_allclose(made, theirs[f"overlap_{name}"], atol=1e-5)


def test_ciou_gradient_equals_torchvision(theirs):
    """Which holds alpha constant."""
    boxes, predictions = theirs["overlap_a"], theirs["overlap_b"]
    slope = gradient(lambda x: losses.ciou_loss(boxes, x), predictions)
    # From 4 on: the first share sides, where the slope of a minimum is a choice.
    expected = theirs["overlap_ciou_gradient"][4:]
    np.testing.assert_allclose(slope[4:], expected, atol=1e-5)


def test_iou_loss_equals_torchvision(theirs):
    made = losses.iou_loss(theirs["overlap_a"], theirs["overlap_b"])
    np.testing.assert_allclose(made, 1 - np.diag(theirs["overlap_iou"]), atol=1e-5)


def test_the_logarithm_of_the_iou_by_hand():
    """6 of 24 square pixels in common and a union of 42; apart; a pixel added."""
    a = np.array([[0.0, 0, 6, 4], [0, 0, 2, 2]])
    b = np.array([[3.0, 2, 9, 6], [5, 5, 8, 6]])
    expected = [-np.log(7 / 43), -np.log(1 / 8)]
    np.testing.assert_allclose(losses.log_iou_loss(a, b), expected, rtol=1e-6)
    assert np.all(np.isfinite(gradient(lambda x: losses.log_iou_loss(a, x), b)))


@pytest.mark.parametrize("name", BOX_LOSSES)
def test_box_losses_are_zero_at_the_target(name):
    box = np.array([[3.0, 4, 50, 60]])
    loss = getattr(losses, f"{name}_loss")
    np.testing.assert_allclose(loss(box, box), [0], atol=1e-6)


@pytest.mark.parametrize("name", BOX_LOSSES)
@pytest.mark.parametrize(
    "prediction",
    [
        [0, 0, 0, 0],
        [5, 5, 5, 5],
        [9, 9, 0, 0],
        [0, 0, 10, 0],
        [900, 900, 901, 901],
        [-1e5, -1e5, 1e5, 1e5],
    ],
)
@pytest.mark.parametrize("box", [[0, 0, 10, 10], [0, 0, 0, 0], [5, 5, 5, 5]])
def test_box_losses_of_nasty_boxes_are_finite(name, prediction, box):
    loss = getattr(losses, f"{name}_loss")
    target = tf.constant([box], tf.float32)
    assert np.isfinite(gradient(lambda x: loss(target, x), [prediction])).all()


@pytest.mark.parametrize("name", ["giou", "diou", "ciou"])
def test_boxes_that_do_not_meet_are_pulled_together(name):
    loss = getattr(losses, f"{name}_loss")
    target = tf.constant([[0.0, 0, 10, 10]])
    slope = gradient(lambda x: loss(target, x), [[30.0, 0, 40, 10]])
    # Falling loss moves the box to the left.
    assert slope[0, 0] + slope[0, 2] > 0


def test_softmax_by_hand():
    logits = np.log([[1.0, 3.0], [1.0, 1.0]])
    made = losses.softmax_cross_entropy(np.array([1, 0]), logits)
    np.testing.assert_allclose(made, [-np.log(3 / 4), np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_softmax_equals_torch(theirs, smoothing):
    made = losses.softmax_cross_entropy(
        theirs["softmax_labels"], theirs["softmax_logits"], label_smoothing=smoothing
    )
    np.testing.assert_allclose(made, theirs[f"softmax_{smoothing}"], atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_softmax_takes_mixed_labels(theirs, smoothing):
    """Half one label and half another costs the mean of both."""
    logits, labels = theirs["softmax_logits"], theirs["softmax_labels"]
    other = (labels + 1) % 5
    mixed = (np.eye(5)[labels] + np.eye(5)[other]) / 2
    parts = [
        np.asarray(losses.softmax_cross_entropy(x, logits, smoothing))
        for x in (labels, other)
    ]
    made = losses.softmax_cross_entropy(mixed, logits, smoothing)
    np.testing.assert_allclose(made, sum(parts) / 2, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_label_out_of_range_costs_nothing(smoothing):
    labels = np.array([[0, 255], [-1, 5]])
    made = losses.softmax_cross_entropy(labels, np.zeros((2, 2, 5)), smoothing)
    np.testing.assert_allclose(made, [[np.log(5), 0], [0, 0]], rtol=1e-6)


def test_softmax_gradient_is_finite_at_large_logits():
    slope = gradient(
        lambda x: losses.softmax_cross_entropy(np.array([0]), x), [[-1e4, 1e4, 0]]
    )
    np.testing.assert_allclose(slope, [[-1, 1, 0]], atol=1e-6)


def test_losses_are_float32_under_bfloat16_logits():
    logits = tf.constant([[1.0, 2.0]], tf.bfloat16)
    assert losses.sigmoid_focal(tf.zeros((1, 2)), logits).dtype == tf.float32
    assert losses.softmax_cross_entropy(np.array([1]), logits).dtype == tf.float32
    assert losses.smooth_l1(logits, logits).dtype == tf.float32
