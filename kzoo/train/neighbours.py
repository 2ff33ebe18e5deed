"""The number of nearest neighbours, chosen by cross-validation.

Distances are taken once between all pictures; folds and k are then sums over them.
"""

import numpy as np

DISTANCES = ("l1", "l2")
CHUNK = 64  # rows of `a` whose differences from all of `b` are in memory at once


def distances(a, b, kind):
    """(A, B) distances between rows of a (A, D) and b (B, D): l1, or l2 squared."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if kind == "l2":
        squares = (a * a).sum(-1)[:, None] + (b * b).sum(-1) - 2 * a @ b.T
        return np.maximum(squares, 0)
    if kind != "l1":
        raise ValueError(f"no distance {kind!r}; kzoo has {', '.join(DISTANCES)}")
    rows = [np.abs(a[i : i + CHUNK, None] - b).sum(-1) for i in range(0, len(a), CHUNK)]
    return np.concatenate(rows)


def vote(far, labels, ks, classes):
    """(len(ks), A) classes that the k nearest of B rows vote for.

    In a tie the lower class wins, as in `kzoo.models.nearest_neighbour`.

    Args:
      far: (A, B) distances; labels: (B,), of the rows.
    """
    order = np.argsort(far, axis=1, kind="stable")[:, : max(ks)]
    near = np.asarray(labels)[order]
    each = [(near == c).cumsum(axis=1) for c in range(classes)]
    votes = np.stack(each, axis=2)  # (A, k, classes) of the first k
    return np.stack([votes[:, k - 1].argmax(axis=1) for k in ks])


def folds(count, parts, seed=0):
    """(N,) the fold of each row: 0..parts-1, at random, of equal size."""
    return np.random.default_rng(seed).permutation(np.arange(count) % parts)


def cross_validate(features, labels, ks, parts=5, kind="l2", seed=0):
    """(len(ks), parts) accuracies on each fold, by the rows of all others.

    Raises:
      ValueError: a k is larger than what the other folds hold.
    """
    labels = np.asarray(labels)
    fold, classes = folds(len(labels), parts, seed), int(labels.max()) + 1
    fewest = len(labels) - np.bincount(fold).max()
    if max(ks) > fewest:
        raise ValueError(
            f"k is {max(ks)}, but {parts} folds of {len(labels)} pictures leave "
            f"{fewest} neighbours"
        )
    far = distances(features, features, kind)
    scores = []
    for part in range(parts):
        mine, others = fold == part, fold != part
        answers = vote(far[mine][:, others], labels[others], ks, classes)
        scores.append((answers == labels[mine]).mean(1))
    return np.stack(scores, axis=1)
