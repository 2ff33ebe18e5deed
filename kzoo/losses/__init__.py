"""Losses as pure functions: elementwise, float32, from logits, never reduced.

Masking and the normaliser belong to the task, in one visible line.
"""

from kzoo.losses.classification import softmax_cross_entropy
from kzoo.losses.focal import sigmoid_focal
from kzoo.losses.regression import (
    ciou_loss,
    diou_loss,
    giou_loss,
    iou_loss,
    log_iou_loss,
    smooth_l1,
)

__all__ = [
    "ciou_loss",
    "diou_loss",
    "giou_loss",
    "iou_loss",
    "log_iou_loss",
    "sigmoid_focal",
    "smooth_l1",
    "softmax_cross_entropy",
]
