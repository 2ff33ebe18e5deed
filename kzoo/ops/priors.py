"""Shapes of anchors that fit a data set, and how well anchors cover its boxes.

Redmon & Farhadi, CVPR 2017 (YOLO9000), https://arxiv.org/abs/1612.08242, section 2:
k-means of (width, height) with the distance 1 - IoU, so that large boxes weigh no more
than small ones. NumPy alone. Letters: n boxes or shapes, k priors.
"""

import numpy as np

from kzoo.ops.anchors import Anchors

SAMPLE = 20_000  # shapes: more change a mean little and cost time
RESTARTS = 5


def shape_iou(a, b):
    """IoU of every pair of shapes with one centre: (n, 2), (k, 2) -> (n, k)."""
    a, b = np.asarray(a, float)[:, None], np.asarray(b, float)[None]
    common = np.minimum(a, b).prod(-1)
    return common / (a.prod(-1) + b.prod(-1) - common)


def mean_iou(shapes, priors):
    """The mean over shapes (n, 2) of the best IoU with a prior (k, 2)."""
    return float(shape_iou(shapes, priors).max(1).mean())


def k_means(shapes, k, seed=0):
    """k priors, (k, 2), small first: of several starts those of highest `mean_iou`.

    Raises:
      ValueError: where there are fewer than k different shapes.
    """
    shapes = np.asarray(shapes, float)
    rng = np.random.default_rng(seed)
    if len(shapes) > SAMPLE:
        shapes = shapes[rng.choice(len(shapes), SAMPLE, replace=False)]
    different = len(np.unique(shapes, axis=0))
    if not 1 <= k <= different:
        raise ValueError(f"{k} priors of boxes that have {different} different shapes")
    found = [_descend(shapes, _start(shapes, k, rng)) for _ in range(RESTARTS)]
    best = max(found, key=lambda priors: mean_iou(shapes, priors))
    return best[np.argsort(best.prod(1))]


def _start(shapes, k, rng):
    """k of the shapes, far from each other: k-means++, Arthur & Vassilvitskii 2007."""
    priors = shapes[[rng.integers(len(shapes))]]
    while len(priors) < k:
        distance = 1 - shape_iou(shapes, priors).max(1)
        distance = np.maximum(distance, 0) + 1e-12 * (distance > 1e-12)
        chosen = rng.choice(len(shapes), p=distance / distance.sum())
        priors = np.concatenate([priors, shapes[[chosen]]])
    return priors


def _descend(shapes, priors, most=200):
    """Each prior becomes the mean of the shapes that it overlaps most, until none
    changes its prior."""
    owner = None
    for _ in range(most):
        before, owner = owner, shape_iou(shapes, priors).argmax(1)
        if before is not None and np.array_equal(before, owner):
            break
        priors = np.stack(
            [
                shapes[owner == i].mean(0) if np.any(owner == i) else prior
                for i, prior in enumerate(priors)
            ]
        )
    return priors


def relative_shapes(shapes, strides, smallest):
    """Shapes (n, 2) in strides of the level that is for their size.

    That is the last level whose stride times `smallest` is no more than the root of
    the area, or the first. One set of priors then serves all levels, as one head does.
    """
    shapes = np.asarray(shapes, float)
    starts = np.asarray(strides, float) * smallest
    level = np.searchsorted(starts, np.sqrt(shapes.prod(1)), side="right") - 1
    return shapes / np.asarray(strides, float)[np.maximum(level, 0)][:, None]


def best_overlaps(boxes, anchors, height, width):
    """Of each box the IoU with the anchor that overlaps it most, (n,), exactly.

    Of the anchors of one shape the one whose centre is nearest overlaps most, so none
    of the others need be looked at.

    Args:
      boxes: (n, 4) xyxy pixels; anchors: a `kzoo.ops.anchors.Anchors`.
      height, width: of the picture as the network sees it, pixels.
    """
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    best = np.zeros(len(boxes))
    for stride, shapes in zip(anchors.strides, anchors.shapes):
        # (columns, rows), as boxes have x first.
        cells = np.array([-(-width // stride), -(-height // stride)])
        cell = np.array([width, height]) / cells if anchors.stretch else stride
        index = np.clip(np.round(centres / cell - anchors.offset), 0, cells - 1)
        away = np.abs((index + anchors.offset) * cell - centres)[:, None]
        shapes = np.asarray(shapes)[None]
        # Two intervals: no more than the shorter, less what one reaches out.
        reach = (sides[:, None] + shapes) / 2 - away
        common = np.minimum(reach, np.minimum(sides[:, None], shapes))
        common = np.maximum(common, 0).prod(-1)
        union = sides.prod(-1)[:, None] + shapes.prod(-1) - common
        best = np.maximum(best, (common / union).max(1))
    return best


def fitted(shapes, count, like, size, seed=0):
    """(`Anchors` with k-means priors on the grids of the anchors `like`, the priors
    (count, 2) in strides).

    `size` is the picture's (height, width): no side is longer.
    """
    smallest = first_size(like)
    priors = k_means(relative_shapes(shapes, like.strides, smallest), count, seed)
    levels = [np.minimum(priors * s, size[::-1]).round(2) for s in like.strides]
    levels = tuple(tuple(map(tuple, level)) for level in levels)
    return Anchors(like.strides, levels, like.offset, like.stretch), priors


def first_size(anchors):
    """The root of the area of the smallest anchor, in strides of its level."""
    areas = np.asarray(anchors.shapes[0]).prod(-1)
    return float(np.sqrt(areas.min()) / anchors.strides[0])
