"""Which anchor answers for which box in SSD: no box goes without one.

Liu et al., ECCV 2016, https://arxiv.org/abs/1512.02325, section 2.2. Letters: B
pictures, N anchors, M boxes.
"""

from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops import native
from kzoo.ops.matching import Match, at_least_one, matched_targets


def multibox_match(iou, valid, positive=0.5):
    """Assigns a box to each anchor.

    First each box gets an anchor for itself, pairs of larger IoU before others, as in
    MultiBox and in the authors' code. (In torchvision two boxes may have the same best
    anchor; the later box takes it and the other may get none.) Then an anchor from IoU
    `positive` up is positive for the box that it overlaps most.

    Args:
      iou: (B, N, M).
      valid: (B, M) bool, False on padding. It may be all False.

    Returns:
      `kzoo.ops.matching.Match`, of which nothing is ignored. A box that no anchor
      touches gets none.
    """
    iou = at_least_one(ops.cast(iou, "float32"), axis=-1)
    valid = at_least_one(ops.cast(valid, "int32"), axis=-1)
    iou = ops.where(ops.expand_dims(valid, -2) > 0, iou, -1.0)
    rows = ops.arange(iou.shape[1], dtype="int32")[:, None]
    boxes = ops.arange(iou.shape[2], dtype="int32")
    its_own = ops.expand_dims(own_anchors(iou), 1) == rows
    owner = ops.max(ops.where(its_own, boxes, -1), axis=-1)
    is_positive = ops.logical_or(owner >= 0, ops.max(iou, axis=-1) >= positive)
    index = ops.where(owner >= 0, owner, native.argmax(iou))
    return Match(index, is_positive, ops.zeros_like(is_positive))


def multibox_targets(anchors, boxes, labels, valid, variances, positive=0.5):
    """What `kzoo.ops.matching.anchor_targets` gives, by `multibox_match`."""
    iou = box_ops.iou(ops.convert_to_tensor(anchors, "float32"), boxes)
    found = multibox_match(iou, valid, positive)
    return matched_targets(found, anchors, boxes, labels, variances)


def own_anchors(iou):
    """(B, N, M) to (B, M) int32: an anchor for each box alone, the pair of largest IoU
    first; -1 for a box that none is left for.

    M rounds over the M best anchors of each box: more are never taken by others.
    """
    kept = min(iou.shape[1:])
    pairs = iou.shape[2] * kept
    value, anchor = ops.top_k(ops.transpose(iou, (0, 2, 1)), kept)
    value = ops.reshape(value, (-1, pairs))
    anchor = ops.reshape(ops.cast(anchor, "int32"), (-1, pairs))
    box = ops.arange(pairs, dtype="int32") // kept

    def give(_, state):
        value, own = state
        best = ops.expand_dims(native.argmax(value), -1)
        best_anchor, best_box = native.take_rows(anchor, best), best // kept
        found = native.take_rows(value, best) > 0.0
        own = ops.where(
            ops.logical_and(found, box[::kept] == best_box), best_anchor, own
        )
        gone = ops.logical_or(box == best_box, anchor == best_anchor)
        return ops.where(gone, -1.0, value), own

    nobody = ops.full_like(anchor[:, ::kept], -1)
    return ops.fori_loop(0, iou.shape[2], give, (value, nobody))[1]
