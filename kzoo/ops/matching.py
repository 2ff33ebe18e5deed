"""Which anchor answers for which box: by overlap, with two thresholds.

Ren et al., NeurIPS 2015, https://arxiv.org/abs/1506.01497, section 3.1.2; thresholds
of Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002, section 4. Letters: B
pictures, N anchors, M boxes.
"""

import collections

from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops import native

Match = collections.namedtuple("Match", ["index", "positive", "ignored"])


def match(iou, valid, positive=0.5, negative=0.4, force=True):
    """Assigns a box to each anchor.

    An anchor is positive from IoU `positive` up, negative below `negative`, and
    between them it is ignored. With `force` the anchors that overlap a box most (all
    of them in a tie) are positive too, each for the box that it overlaps most itself,
    as in torchvision. A box that no anchor touches forces none; torchvision then
    makes every anchor positive, because all of them attain the best IoU, 0.

    Args:
      iou: (..., N, M).
      valid: (..., M) bool, False on padding. It may be all False.

    Returns:
      Match(index (..., N) int32, the box that an anchor overlaps most, the first in a
      tie, meaningless where it is negative; positive (..., N) bool; ignored (..., N)
      bool). The rest is negative.
    """
    iou = at_least_one(ops.cast(iou, "float32"), axis=-1)
    valid = at_least_one(ops.cast(valid, "int32"), axis=-1)
    most = ops.where(valid > 0, float("inf"), -1.0)
    iou = ops.minimum(iou, ops.expand_dims(most, -2))
    best = ops.max(iou, axis=-1)
    is_positive = best >= positive
    if force:
        best_of_box = ops.max(iou, axis=-2, keepdims=True)
        target = ops.where(best_of_box > 0.0, best_of_box, float("inf"))
        is_positive = ops.logical_or(is_positive, ops.any(iou == target, axis=-1))
    ignored = ops.logical_and(best >= negative, ops.logical_not(is_positive))
    return Match(native.argmax(iou), is_positive, ignored)


def anchor_targets(
    anchors,
    boxes,
    labels,
    valid,
    positive=0.5,
    negative=0.4,
    force=True,
    variances=(1.0, 1.0, 1.0, 1.0),
):
    """What each anchor shall predict.

    Args:
      anchors: (N, 4); boxes: (B, M, 4), xyxy pixels both.
      labels: (B, M) int32; valid: (B, M) bool.

    Returns:
      {"labels": (B, N) int32, "boxes": (B, N, 4), "deltas": (B, N, 4), "positive": (B,
      N) bool, "ignored": (B, N) bool}. Where an anchor is not positive its label is
      0, its box is the anchor itself and its deltas are 0, so that a loss is finite
      before it is masked.
    """
    iou = box_ops.iou(ops.convert_to_tensor(anchors, "float32"), boxes)
    found = match(iou, valid, positive, negative, force)
    return matched_targets(found, anchors, boxes, labels, variances)


def matched_targets(found, anchors, boxes, labels, variances):
    """What `anchor_targets` returns, of a `Match`."""
    anchors = ops.convert_to_tensor(anchors, "float32")
    boxes = at_least_one(ops.cast(boxes, "float32"), axis=1)
    labels = at_least_one(ops.cast(labels, "int32"), axis=1)
    matched_boxes = native.take_rows(boxes, found.index)
    matched_boxes = ops.where(found.positive[..., None], matched_boxes, anchors)
    matched_labels = native.take_rows(labels, found.index)
    return {
        "labels": ops.where(found.positive, matched_labels, 0),
        "boxes": matched_boxes,
        "deltas": box_ops.encode(matched_boxes, anchors, variances),
        "positive": found.positive,
        "ignored": found.ignored,
    }


def at_least_one(values, axis):
    """Appends zeros where `axis` may be empty: the largest of nothing is an error."""
    if values.shape[axis]:
        return values
    widths = [[0, 0] for _ in values.shape]
    widths[axis] = [0, 1]
    return ops.pad(values, widths)
