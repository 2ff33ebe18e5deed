"""Points instead of anchors: which place of a picture answers for which object.

Tian et al., ICCV 2019, https://arxiv.org/abs/1904.01355, sections 3.1 to 3.3; centre
sampling is its table 3's. Letters: B pictures, N points, M boxes.
"""

import collections
import dataclasses

import numpy as np
from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops import native
from kzoo.ops.matching import at_least_one

Assignment = collections.namedtuple("Assignment", ["index", "positive"])


@dataclasses.dataclass(frozen=True)
class Points:
    """One point in each cell of every level.

    Args:
      strides: pixels between points, one int a level, growing.
      reach: how far a level sees, in its strides: a point answers for a box whose
        farthest side is no farther, and farther than the level before sees. The last
        level has no limit.
      offset: where in its cell a point lies, 0.5 is the middle.

    `points(height, width)` gives (N, 3) float32: x, y and the stride of the level, in
    the order level, row, column. NumPy: they are constants of the graph.
    """

    strides: tuple = (8, 16, 32, 64, 128)
    reach: float = 8.0
    offset: float = 0.5

    def __post_init__(self):
        strides = tuple(int(stride) for stride in self.strides)
        if not strides or min(strides) < 1 or sorted(set(strides)) != list(strides):
            raise ValueError(f"strides are whole pixels that grow, not {self.strides}")
        if not self.reach > 0:
            raise ValueError(f"reach is {self.reach}; it is above 0, in strides")
        object.__setattr__(self, "strides", strides)

    def __call__(self, height, width):
        levels = []
        for stride in self.strides:
            rows, columns = -(-height // stride), -(-width // stride)
            y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
            places = (np.stack([x, y], axis=-1).reshape(-1, 2) + self.offset) * stride
            levels.append(np.pad(places, [(0, 0), (0, 1)], constant_values=stride))
        return np.concatenate(levels).astype("float32")

    def counts(self, height, width):
        """How many points, one int a level; their sum is N."""
        return tuple(-(-height // s) * -(-width // s) for s in self.strides)

    def ranges(self, height, width):
        """(N, 2) float32: the nearest and the farthest a box's farthest side may be."""
        far = [self.reach * stride for stride in self.strides[:-1]]
        levels = np.stack([[0.0, *far], [*far, np.inf]], axis=-1)
        counts = self.counts(height, width)
        return np.repeat(levels, counts, axis=0).astype("float32")


def assign(points, ranges, boxes, valid, radius=0.0):
    """The box that each point answers for: of those that fit, the smallest.

    A box fits a point that lies inside of it, whose distance to the box's farthest
    side is in its range, both ends included, and that is less than `radius` strides
    away from the box's centre, across and down.

    Args:
      points: (N, 3), as `Points` gives them; ranges: (N, 2), of the same.
      boxes: (B, M, 4) xyxy pixels, M at least 1; valid: (B, M) bool.
      radius: of centre sampling, in strides; 0 for all of the box.

    Returns:
      Assignment(index (B, N) int32, the first in a tie, meaningless where no box fits;
      positive (B, N) bool).
    """
    points, ranges = _columns(points), _columns(ranges)
    left, top, right, bottom = distances(points[:2], _rows(boxes))
    nearest = ops.minimum(ops.minimum(left, right), ops.minimum(top, bottom))
    farthest = ops.maximum(ops.maximum(left, right), ops.maximum(top, bottom))
    fits = ops.logical_and(nearest > 0.0, ops.cast(valid, "bool")[:, None])
    fits = ops.logical_and(fits, farthest >= ranges[0])
    fits = ops.logical_and(fits, farthest <= ranges[1])
    if radius:
        # Twice the distance to the centre is the difference of those to two sides.
        across, down = ops.abs(left - right), ops.abs(top - bottom)
        close = ops.maximum(across, down) < 2.0 * radius * points[2]
        fits = ops.logical_and(fits, close)
    nearness = ops.where(fits, -box_ops.area(boxes)[:, None], -float("inf"))
    return Assignment(native.argmax(nearness), ops.any(fits, axis=-1))


def point_targets(points, ranges, boxes, labels, valid, radius=0.0):
    """What each point shall predict; the arguments are those of `assign`, and labels
    (B, M) int32. M may be 0.

    Returns:
      {"labels": (B, N) int32, "boxes": (B, N, 4), "centerness": (B, N) in 0..1,
      "positive": (B, N) bool}. Where a point has no object its label is 0, its box is
      a cell around it and its centre-ness is 0, so that a loss is finite before it is
      masked.
    """
    boxes = at_least_one(ops.cast(boxes, "float32"), axis=1)
    labels = at_least_one(ops.cast(labels, "int32"), axis=1)
    valid = at_least_one(ops.cast(valid, "int32"), axis=1)
    found = assign(points, ranges, boxes, valid, radius)
    points = ops.convert_to_tensor(points, "float32")
    place, half = points[:, :2], points[:, 2:] / 2
    cells = ops.concatenate([place - half, place + half], axis=-1)
    mine = native.take_rows(boxes, found.index)
    mine = ops.where(found.positive[..., None], mine, cells)
    return {
        "labels": ops.where(found.positive, native.take_rows(labels, found.index), 0),
        "boxes": mine,
        "centerness": ops.where(found.positive, centerness(points, mine), 0.0),
        "positive": found.positive,
    }


def centerness(points, boxes):
    """How near to the middle points (N, 2 or 3) are of the boxes (..., N, 4) that they
    lie in: 1 in the middle, 0 on a side, (..., N). Equation 3."""
    sides = distances((points[:, 0], points[:, 1]), _last(boxes))
    left, top, right, bottom = sides
    across = ops.minimum(left, right) / ops.maximum(left, right)
    down = ops.minimum(top, bottom) / ops.maximum(top, bottom)
    return ops.sqrt(ops.maximum(across * down, 0.0))


def distances(place, sides):
    """To the left, top, right and bottom side, equation 1; negative outside.

    Args:
      place: x and y; sides: x1, y1, x2 and y2; of shapes that broadcast.
    """
    x, y = place
    x1, y1, x2, y2 = sides
    return x - x1, y - y1, x2 - x, y2 - y


def _columns(rows):
    """(N, P) as P arrays of (N, 1)."""
    rows = ops.convert_to_tensor(rows, "float32")
    return [rows[:, i : i + 1] for i in range(rows.shape[-1])]


def _rows(boxes):
    """(B, M, 4) as four arrays of (B, 1, M)."""
    boxes = ops.cast(boxes, "float32")
    return [boxes[:, None, :, i] for i in range(4)]


def _last(boxes):
    return [boxes[..., i] for i in range(4)]
