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


def log_iou_loss(boxes, predictions):
    """-log of the IoU: (..., 4), (..., 4) -> (...), of boxes that meet.

    Yu et al. 2016, https://arxiv.org/abs/1608.01471, equation 3, with a pixel added to
    both areas, as in the code of FCOS: finite without an overlap too.
    """
    corners = [
        ops.maximum(boxes[..., :2], predictions[..., :2]),
        ops.minimum(boxes[..., 2:], predictions[..., 2:]),
    ]
    common = box_ops.area(ops.concatenate(corners, axis=-1))
    union = box_ops.area(boxes) + box_ops.area(predictions) - common
    return ops.log(union + 1.0) - ops.log(common + 1.0)


def giou_loss(boxes, predictions):
    """1 - generalized IoU: (..., 4), (..., 4) -> (...), 0 to 2."""
    return 1.0 - box_ops.paired_giou(boxes, predictions)


def diou_loss(boxes, predictions):
    """1 - distance IoU: (..., 4), (..., 4) -> (...), 0 to 2."""
    return 1.0 - box_ops.paired_diou(boxes, predictions)


def ciou_loss(boxes, predictions):
    """1 - complete IoU: (..., 4), (..., 4) -> (...)."""
    return 1.0 - box_ops.paired_ciou(boxes, predictions)
