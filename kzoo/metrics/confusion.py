"""What a classifier takes for what, and how sure it was."""

import numpy as np


def confusion(labels, classes, count):
    """(K, K) whole numbers: row i, column j: how often class i was taken for j."""
    labels, classes = np.asarray(labels, int), np.asarray(classes, int)
    if labels.shape != classes.shape:
        raise ValueError(f"{len(labels)} labels and {len(classes)} answers")
    flat = np.bincount(labels * count + classes, minlength=count * count)
    return flat.reshape(count, count)


def cross_entropy(labels, scores):
    """The mean of -log of the probability of the truth; labels (N,), scores (N, K)."""
    truths = np.asarray(scores, "float64")[np.arange(len(labels)), labels]
    # A probability that float32 rounds to 0 counts as its smallest.
    return float(-np.log(np.maximum(truths, np.finfo("float32").tiny)).mean())
