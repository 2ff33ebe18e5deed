"""MixUp and CutMix against slow versions, and by how many workers mix them."""

import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from kzoo.data.augmentation.mixing import Mix, neighbours

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])
PARTNERS = [1, 0, 3, 2, 5, 4]


def mixed(seed=0, **alphas):
    mix = Mix(3, **alphas)
    images, truths = mix(
        tf.constant(IMAGES), tf.constant(LABELS), tf.constant([0, seed], tf.int64)
    )
    return images.numpy(), truths.numpy()


def test_neighbours_are_swapped():
    np.testing.assert_array_equal(neighbours(tf.range(6)), PARTNERS)


def test_mixup_is_a_weighted_sum_of_pictures_and_labels():
    shares = []
    for seed in range(20):
        images, truths = mixed(seed, mixup=1.0)
        share = truths[0, 0]
        shares.append(share)
        for i, partner in enumerate(PARTNERS):
            expected = share * IMAGES[i] + (1 - share) * IMAGES[partner]
            np.testing.assert_allclose(images[i], expected, atol=0.51)
            truth = (
                share * np.eye(3)[LABELS[i]] + (1 - share) * np.eye(3)[LABELS[partner]]
            )
            np.testing.assert_allclose(truths[i], truth, atol=1e-6)
    assert min(shares) < 0.2 and max(shares) > 0.8


def test_cutmix_takes_a_box_and_its_share_of_the_label():
    shares = []
    for seed in range(20):
        images, truths = mixed(seed, cutmix=1.0)
        taken = np.any(images[0] != IMAGES[0], -1)
        rows, columns = np.nonzero(taken)
        share = 0.0
        if len(rows):
            box = slice(rows.min(), rows.max() + 1), slice(
                columns.min(), columns.max() + 1
            )
            assert taken[box].all()
            np.testing.assert_array_equal(images[0][box], IMAGES[1][box])
            np.testing.assert_array_equal(images[3][box], IMAGES[2][box])
            share = taken.mean()
        np.testing.assert_allclose(truths[0], [1 - share, share, 0], atol=1e-6)
        shares.append(share)
    assert min(shares) < 0.2 and max(shares) > 0.5


def test_shares_are_those_of_a_beta_distribution():
    """Beta(a, a) has the variance 1 / (4 * (2 a + 1)): 0.0625 for 1.5."""
    shares = np.array([mixed(seed, mixup=1.5)[1][0, 0] for seed in range(300)])
    assert abs(shares.mean() - 0.5) < 0.06
    assert abs(shares.var() - 0.0625) < 0.015


def test_a_small_alpha_gives_numbers():
    truths = np.array([mixed(seed, mixup=0.01)[1] for seed in range(40)])
    assert np.isfinite(truths).all()
    np.testing.assert_allclose(truths.sum(-1), 1, atol=1e-6)


def test_both_take_turns_by_a_coin():
    kinds = set()
    for seed in range(12):
        images, _ = mixed(seed, mixup=1.0, cutmix=1.0)
        kinds.add(np.all((images[0] == IMAGES[0]) | (images[0] == IMAGES[1])))
    assert kinds == {True, False}


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_mix_the_pairs_that_one_mixes(workers):
    source = kzoo.data.open("digits", "train", task="classification")
    settings = {"training": True, "mix": Mix(10, 0.2, 1.0), "seed": 3, "start_step": 7}

    def first(worker):
        return next(iter(kzoo.data.batches(source, 12, 8, worker=worker, **settings)))

    whole = first((0, 1))
    parts = [first((number, workers)) for number in range(workers)]
    for name in whole:
        joined = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(joined, whole[name])


def test_an_odd_part_of_a_batch_is_told():
    source = kzoo.data.open("digits", "train", task="classification")
    with pytest.raises(ValueError, match="3 pictures cannot be mixed in pairs"):
        kzoo.data.batches(source, 6, 8, training=True, mix=Mix(10, 0.2), worker=(0, 2))
