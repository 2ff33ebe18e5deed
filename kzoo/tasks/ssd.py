"""Detection as in SSD: Liu et al., ECCV 2016, section 2.2.

https://arxiv.org/abs/1512.02325. Raw outputs are {"logits": (B, N, 1 + K), "deltas":
(B, N, 4)}, of which logit 0 is for background: classes exclude each other. Targets are
as everywhere, without a class for background.
"""

from keras import ops

from kzoo import losses
from kzoo.ops import boxes as box_ops
from kzoo.ops.multibox import multibox_targets
from kzoo.ops.native import global_sum
from kzoo.ops.sampling import hard_negatives
from kzoo.tasks.anchors import AnchorDetection

# What deltas are divided by: of centres, of sides.
VARIANCES = (0.1, 0.1, 0.2, 0.2)


class SSDDetection(AnchorDetection):
    """What the raw outputs of SSD and its relatives mean.

    The best `level_detections` pairs of each map reach NMS, as in all detectors, where
    the authors take the best 400 boxes of each class.

    Attributes:
      negatives: for each anchor of an object so many without one learn, those of
        largest loss in the same picture.
      least_negatives: so many learn in every picture. The authors' (and torchvision's)
        pictures without objects teach nothing at all; TensorFlow's detectors have 3.
    """

    def __init__(self, classes, anchors):
        super().__init__(classes, anchors)
        self.score_threshold = 0.01
        self.iou_threshold = 0.45
        self.max_detections = 200
        self.negatives = 3
        self.least_negatives = 3

    def output_losses(self, outputs, targets, image_size):
        """{"class_loss": (), "box_loss": ()} float32, over the global batch.

        Cross entropy summed over the anchors of objects and the hardest others, and
        smooth L1 over the anchors of objects, each divided by the number of those.
        """
        anchors = self.places(image_size)
        goal = multibox_targets(
            anchors, targets["boxes"], targets["labels"], targets["valid"], VARIANCES
        )
        truth = ops.where(goal["positive"], goal["labels"] + 1, 0)
        class_loss = losses.softmax_cross_entropy(truth, outputs["logits"])
        learns = ops.cast(self._learns(goal["positive"], class_loss), "float32")

        positive = ops.cast(goal["positive"], "float32")
        normalizer = ops.maximum(global_sum(ops.sum(positive)), 1.0)
        box_loss = self._box_losses(goal, outputs["deltas"], anchors) * positive
        return {
            "class_loss": ops.sum(class_loss * learns) / normalizer,
            "box_loss": ops.sum(box_loss) / normalizer,
        }

    def _learns(self, positive, class_loss):
        """(B, N) bool: the anchors of objects, and the hardest of the others."""
        count = self.negatives * ops.sum(ops.cast(positive, "int32"), axis=-1)
        count = ops.maximum(count, self.least_negatives)
        hard = hard_negatives(
            ops.stop_gradient(class_loss), ops.logical_not(positive), count
        )
        return ops.logical_or(positive, hard)

    def _box_losses(self, goal, deltas, anchors):
        if self.box_loss != "smooth_l1":
            return super()._box_losses(goal, deltas, anchors)
        return ops.sum(losses.smooth_l1(goal["deltas"], deltas, beta=1.0), axis=-1)

    def scores(self, outputs):
        """Probabilities (B, N, K) of the classes, without background's."""
        return ops.softmax(ops.cast(outputs["logits"], "float32"))[..., 1:]

    def decode(self, deltas, places):
        return box_ops.decode(deltas, places, VARIANCES)
