"""Nearest neighbours against scikit-learn's and against cases worked by hand."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from kzoo.train import neighbours

KINDS = {"l1": "manhattan", "l2": "euclidean"}


@pytest.fixture(scope="module")
def digits():
    data, target = load_digits(return_X_y=True)
    # Noise, so that no two distances are equal: ties are broken in another way there.
    data = data + np.random.default_rng(0).normal(0, 0.01, data.shape)
    return data[:300], target[:300]


@pytest.mark.parametrize("kind", KINDS)
def test_one_neighbour_is_scikit_learns(digits, kind):
    data, target = digits
    far = neighbours.distances(data[200:], data[:200], kind)
    (answers,) = neighbours.vote(far, target[:200], [1], 10)
    oracle = KNeighborsClassifier(1, metric=KINDS[kind], algorithm="brute")
    expected = oracle.fit(data[:200], target[:200]).predict(data[200:])
    np.testing.assert_array_equal(answers, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_cross_validation_is_scikit_learns(digits, kind):
    data, target = digits
    ks = [1, 4, 7]
    ours = neighbours.cross_validate(data, target, ks, parts=3, kind=kind)
    fold = neighbours.folds(len(target), 3)
    for k, row in zip(ks, ours):
        for part, score in enumerate(row):
            mine = fold == part
            oracle = KNeighborsClassifier(k, metric=KINDS[kind], algorithm="brute")
            oracle.fit(data[~mine], target[~mine])
            assert score == pytest.approx(oracle.score(data[mine], target[mine]))


def test_distances_by_hand():
    a, b = np.array([[0, 0]]), np.array([[3, 4], [1, -1]])
    assert neighbours.distances(a, b, "l1").tolist() == [[7, 2]]
    assert neighbours.distances(a, b, "l2").tolist() == [[25, 2]]
    with pytest.raises(ValueError, match="no distance 'l3'; kzoo has l1, l2"):
        neighbours.distances(a, b, "l3")


def test_a_tie_goes_to_the_lower_class():
    far = np.array([[1.0, 2.0, 3.0, 4.0]])
    answers = neighbours.vote(far, [2, 0, 2, 0], [1, 2, 3, 4], 3)
    assert answers.tolist() == [[2], [0], [2], [0]]


def test_every_row_is_in_one_fold_and_folds_are_equal():
    found = neighbours.folds(23, 5)
    assert np.bincount(found).tolist() == [5, 5, 5, 4, 4]
    assert found.tolist() != sorted(found.tolist())


def test_more_neighbours_than_there_are():
    with pytest.raises(ValueError, match="k is 9, but 2 folds of 10 pictures leave 5"):
        neighbours.cross_validate(np.zeros((10, 2)), np.arange(10), [9], parts=2)
