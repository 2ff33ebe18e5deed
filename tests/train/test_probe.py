"""Probes against what scikit-learn itself answers, and the layers they need."""

import numpy as np
import pytest

from kzoo import train
from tests.train.test_full_batch import linear


def clouds(classes, count=80):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    x = 3 * rng.normal(size=(count, 5)) + 5 * np.eye(5)[labels] + 7
    return x.astype("float32")[:, None, None], labels


@pytest.mark.parametrize("classes", [2, 3])
def test_a_softmax_probe_answers_as_scikit_learn(classes):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    images, labels = clouds(classes)
    model = linear(5, classes)
    train.probe(model, [(images[:30], labels[:30]), (images[30:], labels[30:])])
    x = StandardScaler().fit_transform(images[:, 0, 0])
    expected = LogisticRegression(max_iter=1000).fit(x, labels).predict_proba(x)
    found = model.task.results(model(images))["scores"]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("classes", [2, 3])
def test_an_svm_separates_what_can_be(classes):
    images, labels = clouds(classes)
    images += 30 * np.eye(5, dtype="float32")[labels][:, None, None]
    model = linear(5, classes)
    train.probe(model, [(images, labels)], "svm")
    found = model.task.results(model(images))["classes"]
    np.testing.assert_array_equal(found, labels)


def test_a_class_without_pictures_is_never_the_answer():
    images, labels = clouds(2)
    model = linear(5, 4)
    train.probe(model, [(images, 2 * labels + 1)])
    scores = np.asarray(model.task.results(model(images))["scores"])
    assert np.all(scores[:, [0, 2]] == 0) and np.isfinite(scores).all()


def test_what_cannot_be_probed_is_told():
    images, labels = clouds(2)
    with pytest.raises(ValueError, match="no probe 'knn'; kzoo has svm, softmax"):
        train.probe(linear(5, 2), [(images, labels)], "knn")
    model = linear(5, 2)
    model.layers[-1].name = "answers"
    with pytest.raises(ValueError, match="has no dense layer 'logits' that a probe"):
        train.probe(model, [(images, labels)])
