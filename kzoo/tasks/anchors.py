"""Detection from anchors: every anchor has K class logits and four deltas."""

from keras import ops

from kzoo import losses
from kzoo.ops import boxes as box_ops
from kzoo.ops.matching import anchor_targets
from kzoo.ops.native import global_sum
from kzoo.tasks.detection import Detection, static

BOX_LOSSES = ("smooth_l1", "giou")


class AnchorDetection(Detection):
    """What the raw outputs of RetinaNet mean: Lin et al., ICCV 2017, sections 4 and 5.

    Attributes:
      anchors: a `kzoo.ops.anchors.Anchors`.
      box_loss: one of `BOX_LOSSES`.
    """

    box_losses = BOX_LOSSES

    def __init__(self, classes, anchors):
        super().__init__(classes)
        self.anchors = anchors
        self.box_loss = "smooth_l1"

    def output_losses(self, outputs, targets, image_size):
        """{"class_loss": (), "box_loss": ()} float32, over the global batch.

        Focal loss summed over all anchors and classes, and the box loss summed over
        the anchors of objects, each divided by the number of those anchors. A
        batch without objects still teaches what background is.
        """
        anchors = self.places(image_size)
        goal = anchor_targets(
            anchors, targets["boxes"], targets["labels"], targets["valid"]
        )
        positive = ops.cast(goal["positive"], "float32")
        counted = 1.0 - ops.cast(goal["ignored"], "float32")
        normalizer = ops.maximum(global_sum(ops.sum(positive)), 1.0)

        logits = ops.cast(outputs["logits"], "float32")
        truth = ops.one_hot(goal["labels"], logits.shape[-1], dtype="float32")
        truth = truth * positive[..., None]
        class_loss = losses.sigmoid_focal(truth, logits) * counted[..., None]
        box_loss = self._box_losses(goal, outputs["deltas"], anchors) * positive
        return {
            "class_loss": ops.sum(class_loss) / normalizer,
            "box_loss": ops.sum(box_loss) / normalizer,
        }

    def _box_losses(self, goal, deltas, anchors):
        """(B, N): the loss of each anchor's box, whether it has one or not."""
        deltas = ops.cast(deltas, "float32")
        if self.box_loss == "smooth_l1":
            return ops.sum(losses.smooth_l1(goal["deltas"], deltas), axis=-1)
        if self.box_loss == "giou":
            return losses.giou_loss(goal["boxes"], self.decode(deltas, anchors))
        raise ValueError(
            f"no box loss {self.box_loss!r}; kzoo has {', '.join(BOX_LOSSES)}"
        )

    def places(self, image_size):
        """(N, 4): the anchors, xyxy pixels."""
        return self.anchors(*static(image_size))

    def counts(self, image_size):
        return self.anchors.counts(*image_size)

    def decode(self, deltas, places):
        return box_ops.decode(deltas, places)
