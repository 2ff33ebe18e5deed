"""SimOTA: which cells answer for which box, by what each pair would cost now.

Ge et al. 2021, https://arxiv.org/abs/2107.08430, section 2.1 "SimOTA", after Ge et
al., CVPR 2021, https://arxiv.org/abs/2103.14259. The paper leaves open which cells may
answer for a box; this is the authors' code since 2023, which takes those with a centre
within 1.5 strides of the box's. Their releases, to 0.3.0, took those within 2.5 strides
and those in the box, and called near what was both; boxes too small had none.

Static shapes, no loop over pictures or boxes. Letters: B pictures, M boxes, N cells, K
classes.
"""

import collections

from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops.matching import at_least_one
from kzoo.ops.native import take_rows

RADIUS = 1.5  # strides
# Predictions whose overlap says how many cells a box gets.
COUNTED = 10
IOU_WEIGHT = 3.0
FAR = 1e6  # what it costs to answer for a box that is not near

Assignment = collections.namedtuple("Assignment", ["index", "positive", "iou"])


def simota(boxes, labels, valid, predicted, logits, objectness, cells):
    """Assigns boxes to cells.

    A box that is not near any candidate takes the cheapest of the others' from them,
    unless they cost those less. Where costs are equal, the cell and the box of lower
    number win. Boxes without area are nobody's.

    Args:
      boxes: (B, M, 4) xyxy; labels: (B, M) int32; valid: (B, M) bool. M may be 0.
      predicted: (B, N, 4) xyxy; logits: (B, N, K); objectness: (B, N, 1), a logit.
      cells: (N, 4), each a square of its stride, xyxy.

    Returns:
      Assignment(index (B, N) int32, the box that a cell answers for, meaningless where
      it is not positive; positive (B, N) bool; iou (B, N) float32, of the prediction
      and that box). Constants to the gradient.
    """
    boxes = at_least_one(ops.cast(boxes, "float32"), axis=1)
    labels = at_least_one(ops.cast(labels, "int32"), axis=1)
    valid = at_least_one(ops.cast(valid, "int32"), axis=1) > 0
    valid = ops.logical_and(valid, box_ops.area(boxes) > 0.0)
    near = ops.logical_and(near_cells(boxes, cells), valid[..., None])
    # Only these may answer, and they may for every box of the picture.
    possible = ops.logical_and(ops.any(near, axis=1)[:, None], valid[..., None])
    iou = ops.where(possible, box_ops.iou(boxes, predicted), 0.0)
    cost = class_cost(ops.where(valid, labels, 0), logits, objectness)
    cost = cost - IOU_WEIGHT * ops.log(iou + 1e-8) + ops.where(near, 0.0, FAR)
    found = assign(ops.where(possible, cost, float("inf")), iou)
    return Assignment(*map(ops.stop_gradient, found))


def near_cells(boxes, cells):
    """(B, M, N) bool: cells with a centre within `RADIUS` strides of the box's."""
    cells = ops.convert_to_tensor(cells, "float32")
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    reach = RADIUS * (cells[:, 2] - cells[:, 0])
    inside = []
    for axis in (0, 1):
        there = (cells[:, axis] + cells[:, axis + 2]) / 2
        here = centre[..., axis, None]
        inside += [there > here - reach, there < here + reach]
    return ops.all(ops.stack(inside), axis=0)


def class_cost(labels, logits, objectness):
    """(B, M, N): cross entropy of each cell's probabilities if it were the box's.

    A probability is the geometric mean of the class's and the objectness.
    """
    logits, objectness = ops.cast(logits, "float32"), ops.cast(objectness, "float32")
    probability = ops.sqrt(ops.sigmoid(logits) * ops.sigmoid(objectness))
    # As PyTorch's cross entropy of probabilities, whose logarithms end at -100.
    yes = -ops.maximum(ops.log(probability), -100.0)
    no = -ops.maximum(ops.log1p(-probability), -100.0)
    # All classes no, but for the box's own.
    own = take_rows(ops.transpose(yes - no, (0, 2, 1)), ops.cast(labels, "int32"))
    return own + ops.sum(no, axis=-1)[:, None]


def assign(cost, iou):
    """(index, positive, iou), each (B, N), from (B, M, N) of costs and overlaps.

    Costs are infinite, and overlaps 0, where a cell must not answer for a box. Each box
    wants as many of its cheapest cells as its best overlaps add up to; a cell that
    several boxes want goes to the box that it costs least, wanting or not.
    """
    wanted = _cheapest(cost, _wanted(iou))
    claims = ops.sum(ops.cast(wanted, "int32"), axis=1)
    price = ops.where(ops.logical_or(wanted, claims[:, None] > 1), cost, float("inf"))
    number = ops.arange(cost.shape[1], dtype="int32")[None, :, None]
    lowest = ops.min(price, axis=1, keepdims=True)
    index = ops.min(ops.where(price == lowest, number, cost.shape[1]), axis=1)
    overlap = ops.sum(ops.where(number == index[:, None], iou, 0.0), axis=1)
    return index, claims > 0, overlap


def _wanted(iou):
    """(B, M) int32: how many cells each box wants, one at least."""
    best, _ = ops.top_k(iou, min(COUNTED, iou.shape[-1]))
    return ops.maximum(ops.cast(ops.sum(best, axis=-1), "int32"), 1)


def _cheapest(cost, count):
    """(B, M, N) bool: of each box the `count` (B, M) cells of finite lowest cost."""
    most = min(COUNTED, cost.shape[-1])
    values, cells = ops.top_k(-cost, most)
    last = ops.clip(count, 1, most)[..., None] - 1
    value = ops.take_along_axis(values, last, axis=-1)
    cell = ops.take_along_axis(cells, last, axis=-1)
    # Of equal costs top_k has the lower cells first: up to `cell` they are in.
    tied = ops.logical_and(
        -cost == value, ops.arange(cost.shape[-1], dtype="int32") <= cell
    )
    return ops.logical_and(ops.logical_or(-cost > value, tied), cost < float("inf"))
