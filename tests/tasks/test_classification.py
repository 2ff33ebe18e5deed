"""What a classifier's logits mean, worked by hand."""

import math

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.tasks.classification import Classification

# Probabilities 1/4, 3/4 and 1/2, 1/2.
LOGITS = np.array([[0, math.log(3)], [0, 0]], "float32")


def loss(task, labels, logits=LOGITS):
    found = task.output_losses(logits, np.array(labels), image_size=None)
    return float(found["cross_entropy"])


def test_cross_entropy_is_the_mean_over_the_batch():
    expected = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert loss(Classification(2), [1, 0]) == pytest.approx(expected, rel=1e-5)


def test_mixed_labels_are_shares():
    expected = (-0.3 * math.log(1 / 4) - 0.7 * math.log(3 / 4) - math.log(1 / 2)) / 2
    mixed = [[0.3, 0.7], [0.5, 0.5]]
    assert loss(Classification(2), mixed) == pytest.approx(expected, rel=1e-5)
    sure = [[0.0, 1.0], [1.0, 0.0]]
    assert loss(Classification(2), sure) == loss(Classification(2), [1, 0])


def test_label_smoothing_spreads_the_truth():
    """0.2 of it over two classes: the truth is (0.1, 0.9)."""
    task = Classification(2)
    task.label_smoothing = 0.2
    expected = -0.1 * math.log(1 / 4) - 0.9 * math.log(3 / 4)
    assert loss(task, [1], LOGITS[:1]) == pytest.approx(expected, rel=1e-5)


def test_losses_are_finite_and_float32():
    task = Classification(2)
    assert loss(task, [0], np.float32([[-100, 100]])) == pytest.approx(200)
    half = keras.ops.cast(LOGITS, "bfloat16")
    found = task.output_losses(half, np.array([1, 0]), image_size=None)
    assert keras.backend.standardize_dtype(found["cross_entropy"].dtype) == "float32"


def test_results_are_probabilities_and_the_best_class():
    found = Classification(2).results(LOGITS)
    np.testing.assert_allclose(found["scores"], [[0.25, 0.75], [0.5, 0.5]], rtol=1e-5)
    # In a tie the first.
    np.testing.assert_array_equal(found["classes"], [1, 0])


def test_losses_of_a_model():
    model = models.resnet18(classes=2, width=0.0625, input_shape=(32, 32, 3))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    found = model.task.losses(model, images, np.array([1, 0]), training=False)
    logits = keras.ops.convert_to_numpy(model(images, training=False))
    chosen = logits[[0, 1], [1, 0]]
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen)
    assert float(found["cross_entropy"]) == pytest.approx(expected, rel=1e-4)


SCORES = np.float32([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])


@pytest.mark.parametrize(
    "kind, expected",
    [
        # Of the first picture: (5.1 - 3.2 + 1) + 0; of the second 0; of the third
        # (2.2 + 3.1 + 1) + (2.5 + 3.1 + 1).
        ("hinge", (2.9 + 0 + 6.3 + 6.6) / 3),
        ("squared_hinge", (2.9**2 + 6.3**2 + 6.6**2) / 3),
    ],
)
def test_margins_by_hand(kind, expected):
    task = Classification(3, loss=kind)
    found = task.output_losses(SCORES, np.array([0, 1, 2]), image_size=None)
    assert list(found) == [kind]
    assert float(found[kind]) == pytest.approx(expected, rel=1e-5)


def test_a_margin_needs_one_class():
    task = Classification(2, loss="hinge")
    with pytest.raises(ValueError, match="mix no pictures"):
        task.output_losses(LOGITS, np.float32([[0.3, 0.7], [1, 0]]), image_size=None)


def test_an_unknown_loss_names_the_choices():
    task = Classification(2, loss="perceptron")
    with pytest.raises(ValueError, match="no loss 'perceptron'; kzoo has cross_ent"):
        task.output_losses(LOGITS, np.array([0, 1]), image_size=None)


def test_auxiliary_heads_are_learnt_from_and_not_answered_with():
    task = Classification(2, auxiliary_weight=0.3)
    outputs = {"logits": LOGITS, "auxiliary1": LOGITS[::-1]}
    found = task.output_losses(outputs, np.array([1, 0]), image_size=None)
    main = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    other = (-math.log(1 / 2) - math.log(1 / 4)) / 2
    assert float(found["cross_entropy"]) == pytest.approx(main, rel=1e-5)
    assert float(found["auxiliary1"]) == pytest.approx(0.3 * other, rel=1e-5)
    np.testing.assert_array_equal(task.results(outputs)["classes"], [1, 0])
