"""How far a predicted box is from the true one."""

from keras import ops

from kzoo.ops import boxes as box_ops


def smooth_l1(targets, predictions, beta=1 / 9):
    """Quadratic within `beta`, linear beyond, (...) and (...) -> (...) float32.

    Girshick 2015, https://arxiv.org/abs/1504.08083, equation 3, where beta is 1; it is
    1 / 9 in the authors' RetinaNet (Detectron). Both pieces have slope 1 at beta.
    """
    # Keras' Huber is beta times this, and means over the last axis.
    targets, predictions = ops.cast(targets, "float32"), ops.cast(
        predictions, "float32"
    )
    distance = ops.abs(targets - predictions)
    quadratic = 0.5 * ops.square(distance) / beta
    return ops.where(distance < beta, quadratic, distance - 0.5 * beta)


def iou_loss(boxes, predictions):
    """1 - IoU: (..., 4), (..., 4) -> (...). No gradient where boxes do not meet."""
    # keras-cv's IoULoss takes the diagonal over the wrong axes of a batch.
    return 1.0 - box_ops.paired_iou(boxes, predictions)


def giou_loss(boxes, predictions):
    """1 - generalized IoU: (..., 4), (..., 4) -> (...), 0 to 2."""
    return 1.0 - box_ops.paired_giou(boxes, predictions)


def diou_loss(boxes, predictions):
    """1 - distance IoU: (..., 4), (..., 4) -> (...), 0 to 2."""
    return 1.0 - box_ops.paired_diou(boxes, predictions)


def ciou_loss(boxes, predictions):
    """1 - complete IoU: (..., 4), (..., 4) -> (...)."""
    return 1.0 - box_ops.paired_ciou(boxes, predictions)
