"""Evaluation counts every picture once, whatever the batches."""

import numpy as np
import pytest

from kzoo import train
from tests.train import program, tiny

ONE = train.strategy("one")


def by_hand(model, source):
    """The share of pictures whose best logit is their label, one after the other."""
    right = []
    for example in source.read():
        logits = model(example["image"][None].astype("float32"), training=False)
        right.append(np.argmax(logits) == example["label"])
    return np.mean(right)


@pytest.mark.parametrize("count", [12, 8, 1])
def test_the_last_batch_is_filled_up_and_not_counted(count):
    model, source = tiny.model("batch_norm"), tiny.source(count=count, seed=1)
    scores = program.evaluation(model, ONE, source)()
    assert scores["top1"] == pytest.approx(by_hand(model, source), abs=1e-9)


def test_it_sees_the_weights_of_now_each_time():
    """A model that always names one class is right about all of that class."""
    model, source = tiny.model("plain"), tiny.source()
    evaluate = program.evaluation(model, ONE, source)
    for label in range(3):
        one = np.eye(3)[label]
        model.get_layer("logits").set_weights([np.zeros((8, 3)), one])
        assert list(evaluate()["per_class"].values()) == list(one)
