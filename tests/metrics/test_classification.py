"""Top-1 and top-5 accuracy, counted by hand."""

import json

import numpy as np
import pytest

from kzoo.metrics.classification import AccuracyEvaluator

NAMES = list("abcdef")


def evaluate(labels, scores, names=NAMES):
    evaluator = AccuracyEvaluator(names)
    for label, row in zip(labels, scores):
        evaluator.update([label], [{"scores": np.array(row)}])
    json.dumps(evaluator.result(), allow_nan=False)
    return evaluator.result()


def test_accuracy_by_hand():
    """Classes b, d and c get rank 1, 2 and 6."""
    scores = [[0, 9, 0, 0, 0, 0], [0, 0, 0, 5, 7, 0], [6, 5, 1, 4, 3, 2]]
    result = evaluate([1, 3, 2], scores)
    assert result["top1"] == pytest.approx(1 / 3)
    assert result["top5"] == pytest.approx(2 / 3)
    assert result["per_class"] == dict.fromkeys("aef") | {"b": 1, "c": 0, "d": 0}


def test_class_0_counts():
    assert evaluate([0], [[1, 0, 0, 0, 0, 0]])["top1"] == 1


def test_the_same_score_for_every_class_is_not_always_right():
    result = evaluate(range(6), np.full((6, 6), 0.5))
    assert result["top1"] == pytest.approx(1 / 6)
    assert result["top5"] == pytest.approx(5 / 6)


def test_of_equal_scores_the_lower_class_comes_first():
    """As numpy.argmax takes it; few ways of sorting keep a hundred ties in order."""
    names = [str(i) for i in range(100)]
    scores = np.random.default_rng(0).integers(0, 3, (50, 100))
    assert evaluate(scores.argmax(axis=1), scores, names)["top1"] == 1


def test_top5_of_up_to_five_classes_says_nothing():
    assert evaluate([0], [[1.0, 0]], names="ab")["top5"] is None


def test_nothing_counted_is_none():
    result = AccuracyEvaluator("ab").result()
    assert result == {"top1": None, "top5": None, "per_class": {"a": None, "b": None}}


def test_infinite_logits_are_ranked():
    assert evaluate([1], [[-np.inf, np.inf]], names="ab")["top1"] == 1


@pytest.mark.parametrize(
    "labels, scores, message",
    [
        ([6], [[0] * 6], "label: 6 is no class; there are 6, 0 to 5"),
        ([-1], [[0] * 6], "label: -1 is no class"),
        ([0], [[0] * 5], r"each picture needs .* scores \(6,\).*\(5,\)"),
        ([0, 1], [[0] * 6], r"labels have shape \(2,\), 1 scores"),
        ([0], [[np.nan] * 6], "scores have NaN"),
    ],
)
def test_bad_input_is_named_and_not_kept(labels, scores, message):
    evaluator = AccuracyEvaluator(NAMES)
    with pytest.raises(ValueError, match=message):
        evaluator.update(labels, [{"scores": row} for row in scores])
    assert evaluator.result()["top1"] is None


def test_class_names_must_differ():
    with pytest.raises(ValueError, match="class_names must be different"):
        AccuracyEvaluator(["a", "a"])
