"""A grid of cells over a picture, and which cell a box belongs to: its centre's.

Redmon et al., CVPR 2016, https://arxiv.org/abs/1506.02640, section 2. Letters: B
pictures, M boxes, S cells, N rows.
"""

import collections

import numpy as np
from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops import native
from kzoo.ops.matching import at_least_one

Objects = collections.namedtuple("Objects", ["boxes", "labels", "valid"])


def grid(image_size, stride):
    """(rows, columns) of the cells of `stride` pixels a side.

    Raises:
      ValueError: where cells do not cover the picture exactly.
    """
    height, width = image_size
    known = None not in (height, width)
    if not known or height % stride or width % stride or not height * width:
        raise ValueError(
            f"a picture is whole cells of {stride} pixels a side, not {height}x{width}"
        )
    return height // stride, width // stride


def corners(image_size, stride):
    """(S, 2) float32, NumPy: x and y of each cell's left top corner, row by row."""
    rows, columns = grid(image_size, stride)
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype("float32") * stride


def objects(targets, image_size):
    """The part of each box that lies in the picture; one without area is none.

    M is at least 1 here, so that the first of all boxes exists.

    Args:
      targets: {"boxes": (B, M, 4), "labels": (B, M), "valid": (B, M)}.
    """
    boxes = box_ops.clip(at_least_one(targets["boxes"], axis=1), *image_size)
    labels = ops.cast(at_least_one(targets["labels"], axis=1), "int32")
    valid = ops.cast(targets["valid"], "int32")
    valid = at_least_one(valid, axis=1) > 0
    return Objects(boxes, labels, ops.logical_and(valid, box_ops.area(boxes) > 0.0))


def cell_of(boxes, image_size, stride):
    """(B, M) int32: the cell that the centre of each box (B, M, 4) lies in. One on the
    picture's right or lower side is of the last cell."""
    rows, columns = grid(image_size, stride)
    x, y = (ops.floor(c / stride) for c in centre_and_size(boxes)[:2])
    x = ops.clip(x, 0.0, columns - 1.0)
    y = ops.clip(y, 0.0, rows - 1.0)
    return ops.cast(y * columns + x, "int32")


def centre_and_size(boxes):
    """Centre x, centre y, width and height, each (...), of boxes (..., 4)."""
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def owners(places, valid, count, last=False):
    """Which box has each of `count` places, where several may want one.

    Args:
      places: (B, M) int32, where each box belongs; valid: (B, M) bool.
      last: whether the last of them has it, else the first.

    Returns:
      (index (B, count) int32, meaningless where no box belongs; taken (B, count) bool).
    """
    here = ops.arange(count, dtype="int32")[None, :, None]
    wants = ops.logical_and(places[:, None] == here, valid[:, None])
    wants = ops.cast(wants, "float32")
    boxes = valid.shape[1]
    rank = ops.arange(1, boxes + 1, dtype="float32")
    rank = wants * (rank if last else boxes + 1.0 - rank)
    return native.argmax(rank), ops.any(wants > 0.0, axis=-1)
