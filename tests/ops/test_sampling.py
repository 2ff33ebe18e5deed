"""Sampling: exact counts, fixed shapes, no anchor twice."""

import numpy as np
import pytest

from kzoo.ops.sampling import balanced_sample, hard_negatives


def anchors_of(positive, negative, neither):
    """(1, N) masks in a shuffled order."""
    kinds = np.repeat([0, 1, 2], [positive, negative, neither])
    kinds = np.random.default_rng(0).permutation(kinds)[None]
    return kinds == 0, kinds == 1


@pytest.mark.parametrize(
    "positive, negative, expected",
    [
        (50, 50, (4, 12)),  # a quarter of 16 positive
        (2, 50, (2, 14)),  # too few positive: negative ones fill up
        (0, 50, (0, 16)),
        (50, 3, (4, 3)),  # too few negative: rows stay empty
        (50, 0, (4, 0)),
        (0, 0, (0, 0)),
        (1, 1, (1, 1)),  # fewer anchors than rows
    ],
)
@pytest.mark.parametrize("neither", [1, 20])
def test_counts_are_exact(positive, negative, expected, neither):
    masks = anchors_of(positive, negative, neither)
    drawn = balanced_sample(*masks, count=16, positive_fraction=0.25, seed=0)
    drawn = {name: np.asarray(value)[0] for name, value in drawn.items()}
    assert all(len(rows) == 16 for rows in drawn.values())
    is_positive, valid = drawn["positive"], drawn["valid"]
    assert (is_positive.sum(), (valid & ~is_positive).sum()) == expected
    index = drawn["index"]
    assert masks[0][0][index[is_positive]].all()
    assert masks[1][0][index[valid & ~is_positive]].all()
    assert len(set(index[valid])) == valid.sum()
    # Real rows are in front, positive ones first.
    order = np.where(is_positive, 0, np.where(valid, 1, 2))
    assert order.tolist() == sorted(order)


def test_every_anchor_is_drawn_about_as_often():
    masks = anchors_of(10, 40, 0)
    times = np.zeros(50)
    masks = [np.repeat(mask, 200, axis=0) for mask in masks]
    drawn = balanced_sample(*masks, 20, 0.25, seed=0)
    np.add.at(times, np.asarray(drawn["index"]), 1)
    # 200 * 5 / 10 and 200 * 15 / 40, within five standard deviations.
    np.testing.assert_allclose(times[masks[0][0]], 100, atol=36)
    np.testing.assert_allclose(times[masks[1][0]], 75, atol=35)


def test_the_same_seed_draws_the_same():
    masks = anchors_of(10, 40, 5)
    first, second, other = (
        np.asarray(balanced_sample(*masks, 8, 0.5, seed)["index"]) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_hard_negatives_by_hand():
    losses = [[5, 1, 4, 3, 9], [2, 2, 2, 1, 2], [1, 2, 3, 4, 5]]
    negative = [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0]]
    expected = [
        [1, 0, 1, 0, 0],  # 9 is not negative
        [1, 1, 0, 0, 0],  # in a tie the first
        [0, 0, 1, 0, 0],  # fewer than asked for
    ]
    hard = hard_negatives(np.array(losses), np.array(negative), np.array([2, 2, 4]))
    np.testing.assert_array_equal(hard, np.array(expected, bool))


def test_no_hard_negatives_when_none_are_asked_for():
    hard = hard_negatives(np.ones((1, 4)), np.ones((1, 4)), np.array([0]))
    assert not np.any(hard)
