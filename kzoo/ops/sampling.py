"""A few anchors out of many: for two-stage detectors and for SSD.

Shapes are fixed and counts are exact. B pictures, N anchors.
"""

import keras
from keras import ops


def balanced_sample(positive, negative, count, positive_fraction, seed):
    """Draws anchors at random, at most a fraction of them positive, the rest negative.

    Ren et al., NeurIPS 2015, https://arxiv.org/abs/1506.01497, sec. 3.1.3: where there
    are too few positive ones, negative ones fill up.

    Args:
      positive, negative: (B, N) bool; an anchor that is neither is never drawn.
      count: rows S of the result.
      seed: int or keras.random.SeedGenerator.

    Returns:
      {"index": (B, S) int32, "positive": (B, S) bool, "valid": (B, S) bool}: positive
      ones first; not valid where a picture has too few anchors of both kinds.
    """
    positive, negative = ops.cast(positive, "bool"), ops.cast(negative, "bool")
    most = int(count * positive_fraction)
    order = keras.random.uniform(ops.shape(positive), seed=seed)
    positive_index, positive_valid = _first(positive, order, most)
    negative_index, negative_valid = _first(negative, order, count)
    index = ops.concatenate([positive_index, negative_index], axis=1)
    valid = ops.concatenate([positive_valid, negative_valid], axis=1)
    # Valid rows to the front, in their order, without trust in ties of a sort.
    rows = most + count
    place = ops.arange(rows, 0, -1) + rows * ops.cast(valid, "int32")
    _, row = ops.top_k(place, count)
    return {
        "index": ops.take_along_axis(index, row, axis=1),
        "positive": ops.logical_and(row < most, _take(valid, row)),
        "valid": _take(valid, row),
    }


def hard_negatives(losses, negative, count):
    """The negative anchors of largest loss.

    Liu et al., ECCV 2016, https://arxiv.org/abs/1512.02325, sec. 2.2: `count` is three
    times the positive ones there.

    Args:
      losses: (B, N); negative: (B, N) bool.
      count: (B,) int, for each picture.

    Returns:
      (B, N) bool, True in min(count, negative ones) places; the lower index in a tie.
    """
    negative = ops.cast(negative, "bool")
    losses = ops.where(negative, ops.cast(losses, "float32"), -float("inf"))
    order = ops.argsort(-losses, axis=-1)
    rank = ops.argsort(order, axis=-1)
    return ops.logical_and(negative, rank < ops.cast(count, rank.dtype)[:, None])


def _first(mask, order, count):
    """Up to `count` indices where mask holds, by `order`; valid: both (B, count)."""
    missing = max(0, count - mask.shape[1])
    key = ops.pad(
        ops.where(mask, order, -1.0), [[0, 0], [0, missing]], constant_values=-1
    )
    value, index = ops.top_k(key, count)
    return ops.where(value >= 0.0, ops.cast(index, "int32"), 0), value >= 0.0


def _take(mask, index):
    return ops.take_along_axis(ops.cast(mask, "int32"), index, axis=1) > 0
