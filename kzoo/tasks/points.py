"""Detection from points: every point has class logits, the distances to the four sides
of a box, and how near to its middle the point is."""

import math

from keras import ops

from kzoo import losses
from kzoo.ops import points as point_ops
from kzoo.ops.native import global_sum
from kzoo.tasks.detection import Detection, static

BOX_LOSSES = ("iou", "giou")
DISTANCES = ("exp", "relu")
# No picture is larger; without it an untrained network gives infinity.
MAX_LOG_DISTANCE = math.log(1e4)


class PointDetection(Detection):
    """What the raw outputs of FCOS mean: Tian et al., ICCV 2019, section 3.

    https://arxiv.org/abs/1904.01355. The defaults are those of the paper.

    Attributes:
      points: a `kzoo.ops.points.Points`.
      distance: from a delta to the distance of a side: "exp" of it in pixels, or
        "relu" of it in strides of the level.
      radius: of centre sampling, in strides; 0 for every point in a box.
      box_loss: "iou", -log of the IoU, or "giou".
      weigh_boxes: whether a box's loss counts as much as its point is central.
    """

    box_losses = BOX_LOSSES

    def __init__(self, classes, points):
        super().__init__(classes)
        self.points = points
        self.distance = "exp"
        self.radius = 0.0
        self.box_loss = "iou"
        self.weigh_boxes = True
        self.iou_threshold = 0.6

    def output_losses(self, outputs, targets, image_size):
        """{"class_loss", "box_loss", "centerness_loss": ()} over the global batch.

        Focal loss summed over all points and classes, the box loss and the cross
        entropy of centre-ness summed over the points of objects, each divided by the
        number of those points; the box loss, where it is weighed, by the sum of its
        weights.
        """
        places = self.places(image_size)
        goal = point_ops.point_targets(
            places,
            self.points.ranges(*image_size),
            targets["boxes"],
            targets["labels"],
            targets["valid"],
            self.radius,
        )
        positive = ops.cast(goal["positive"], "float32")
        count = ops.maximum(global_sum(ops.sum(positive)), 1.0)
        weights = goal["centerness"] if self.weigh_boxes else positive
        weight = ops.maximum(global_sum(ops.sum(weights)), 1e-6)

        logits = ops.cast(outputs["logits"], "float32")
        truth = ops.one_hot(goal["labels"], logits.shape[-1], dtype="float32")
        class_loss = losses.sigmoid_focal(truth * positive[..., None], logits)
        box_loss = self._box_losses(goal["boxes"], outputs["deltas"], places)
        centerness_loss = ops.binary_crossentropy(
            goal["centerness"],
            ops.cast(outputs["centerness"][..., 0], "float32"),
            from_logits=True,
        )
        return {
            "class_loss": ops.sum(class_loss) / count,
            "box_loss": ops.sum(box_loss * weights) / weight,
            "centerness_loss": ops.sum(centerness_loss * positive) / count,
        }

    def _box_losses(self, boxes, deltas, places):
        """(B, N): the loss of each point's box, whether it has one or not."""
        if self.box_loss not in BOX_LOSSES:
            raise ValueError(
                f"no box loss {self.box_loss!r}; kzoo has {', '.join(BOX_LOSSES)}"
            )
        found = self.decode(deltas, places)
        loss = losses.log_iou_loss if self.box_loss == "iou" else losses.giou_loss
        return loss(boxes, found)

    def places(self, image_size):
        """(N, 3): x, y and stride of each point, pixels."""
        return self.points(*static(image_size))

    def counts(self, image_size):
        return self.points.counts(*image_size)

    def decode(self, deltas, places):
        deltas = ops.cast(deltas, "float32")
        places = ops.convert_to_tensor(places, "float32")
        place, stride = places[..., :2], places[..., 2:]
        if self.distance == "exp":
            sides = ops.exp(ops.minimum(deltas, MAX_LOG_DISTANCE))
        elif self.distance == "relu":
            sides = ops.relu(deltas) * stride
        else:
            raise ValueError(
                f"no distance {self.distance!r}; kzoo has {', '.join(DISTANCES)}"
            )
        return ops.concatenate([place - sides[..., :2], place + sides[..., 2:]], -1)

    def scores(self, outputs):
        """Roots of class times centre-ness: between the two, so that one threshold
        means much the same as in other detectors."""
        centerness = ops.sigmoid(ops.cast(outputs["centerness"], "float32"))
        return ops.sqrt(super().scores(outputs) * centerness)
