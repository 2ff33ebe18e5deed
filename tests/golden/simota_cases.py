"""Pictures that SimOTA finds hard, the same for the authors' code and for ours.

Coordinates are whole 64ths of a pixel, so that no format of a box rounds them.
"""

import dataclasses

import numpy as np

SIDE, STRIDES, CLASSES = 64, (8, 16, 32), 3
CELLS = sum((SIDE // stride) ** 2 for stride in STRIDES)
COUNT, MATRICES = 640, 80
OVERLAPS = 64  # cases of which the golden has the IoUs
# Batches by the numbers of their cases; one with a picture without boxes, one without
# any box.
BATCHES = ((0, 25, None), (24, 29, 31), (16, 21, 23), (None, None, None))


@dataclasses.dataclass(frozen=True)
class Case:
    """One picture: boxes (M, 4) as centre and sides, pixels; labels (M,); raw (N, 5 +
    K): deltas, objectness and logits as the network says them."""

    boxes: np.ndarray
    labels: np.ndarray
    raw: np.ndarray


def boxes_of(rng, kind):
    """(M, 4) centre x, y, width, height."""
    counts = {"crowd": (40, 201), "twins": (2, 6), "one": (1, 2)}
    count = rng.integers(*counts.get(kind, (1, 12)))
    centres = rng.uniform(0, SIDE, (count, 2))
    sides = np.exp(rng.uniform(np.log(4), np.log(SIDE), (count, 2)))
    if kind == "large":
        sides *= 4
    if kind == "small":
        sides = rng.uniform(1 / 64, 3, (count, 2))
    if kind == "outside":
        centres[: (count + 1) // 2] += rng.choice([-200.0, 200.0], 2)
        centres[-1] = SIDE / 2  # without any their code fails
    if kind == "corners":
        # Of cells: centres of others are then just 1.5 strides away.
        centres = np.round(centres / 8) * 8
    boxes = np.round(np.concatenate([centres, sides], axis=1) * 64) / 64
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 1 / 64)
    return np.repeat(boxes, 2, axis=0) if kind == "twins" else boxes


KINDS = ("some", "crowd", "twins", "one", "large", "small", "outside", "corners")
# What the network says: noise, the same everywhere, all or nothing, or the truth.
ANSWERS = ("noise", "same", "sure", "near")


def case(number):
    """The `number`th case: each kind of boxes with each kind of answers in turn."""
    rng = np.random.default_rng(number)
    kind = KINDS[number % len(KINDS)]
    answer = ANSWERS[number // len(KINDS) % len(ANSWERS)]
    boxes = boxes_of(rng, kind)
    labels = rng.integers(0, CLASSES, len(boxes))
    raw = rng.normal(0, 1, (CELLS, 5 + CLASSES))
    if answer == "same":
        raw[:] = np.round(raw[0])
    if answer == "sure":
        raw[:, 4:] = rng.choice([-30.0, 30.0], (CELLS, 1 + CLASSES))
    if answer == "near":
        raw = towards(boxes, labels, raw)
    return Case(boxes.astype("float32"), labels, raw.astype("float32"))


def towards(boxes, labels, raw):
    """`raw` where cells around an object say about what it is."""
    for corner, stride, one in zip(*grid(), raw):
        away = np.abs(corner + stride / 2 - boxes[:, :2]).max(axis=1)
        i = away.argmin()
        if away[i] < 2 * stride:
            one[:2] = (boxes[i, :2] - corner) / stride + 0.1 * one[:2]
            one[2:4] = np.log(boxes[i, 2:] / stride) + 0.2 * one[2:4]
            one[5 + labels[i]] += 3
    return raw


def grid():
    """((N, 2) left top corners in pixels, (N,) strides), row by row."""
    corners, strides = [], []
    for stride in STRIDES:
        steps = np.arange(0, SIDE, stride)
        y, x = np.meshgrid(steps, steps, indexing="ij")
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full(len(corners[-1]), stride))
    return np.concatenate(corners), np.concatenate(strides)


def matrices(number):
    """(cost (M, N), IoU (M, N)) float32 with many ties."""
    rng = np.random.default_rng(1000 + number)
    shape = rng.integers(1, 30), rng.integers(1, 60)
    cost = rng.integers(0, 4, shape) + 1e6 * rng.integers(0, 2, shape)
    return cost.astype("float32"), (rng.integers(0, 17, shape) / 16).astype("float32")
