"""Detection from anchors: every anchor has K class logits and four deltas.

Targets are {"boxes": (B, M, 4) float32 xyxy in pixels of the image as the network
sees it, "labels": (B, M) int32, "valid": (B, M) bool}: M is fixed, `valid` says
which rows are real, and background is no class.
"""

from keras import ops

from kzoo import losses
from kzoo.ops import boxes as box_ops
from kzoo.ops.matching import anchor_targets
from kzoo.ops.native import global_sum, take_rows
from kzoo.ops.nms import nms

BOX_LOSSES = ("smooth_l1", "giou")


class AnchorDetection:
    """What the raw outputs of RetinaNet and its relatives mean.

    The defaults are those of Lin et al., ICCV 2017, sections 4 and 5.

    Attributes:
      class_names: K names; numbers until somebody gives better ones.
      anchors: a `kzoo.ops.anchors.Anchors`.
      box_loss: one of `BOX_LOSSES`.
      score_threshold, iou_threshold, max_detections: of the results, after NMS.
      level_detections: best (anchor, class) pairs of a level that reach NMS.
    """

    name = "detection"

    def __init__(self, classes, anchors):
        self.class_names = [str(i) for i in range(classes)]
        self.anchors = anchors
        self.box_loss = "smooth_l1"
        self.score_threshold = 0.05
        self.iou_threshold = 0.5
        self.max_detections = 100
        self.level_detections = 1000

    def settings(self):
        """What `kzoo.save` keeps beside the architecture."""
        kept = vars(self).copy()
        del kept["class_names"], kept["anchors"]
        return kept

    def losses(self, model, images, targets, training):
        """{"class_loss": (), "box_loss": ()} float32, over the global batch.

        Focal loss summed over all anchors and classes, and the box loss summed over
        the anchors of objects, each divided by the number of those anchors. A
        batch without objects still teaches what background is.

        Args:
          images: (B, H, W, 3).
          targets: see the module.
        """
        outputs = model(images, training=training)
        return self.output_losses(outputs, targets, images.shape[1:3])

    def output_losses(self, outputs, targets, image_size):
        """`losses` of raw outputs of images of (height, width)."""
        anchors = self._anchors(image_size)
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
            return losses.giou_loss(goal["boxes"], box_ops.decode(deltas, anchors))
        raise ValueError(
            f"no box loss {self.box_loss!r}; kzoo has {', '.join(BOX_LOSSES)}"
        )

    def results(self, outputs, image_size):
        """The boxes that raw outputs describe, best first.

        Args:
          outputs: {"logits": (B, N, K), "deltas": (B, N, 4)}.
          image_size: (height, width) of the image as the network saw it, pixels.

        Returns:
          {"boxes": (B, D, 4) xyxy pixels, "scores": (B, D), "classes": (B, D) int32,
          "count": (B,) int32}, D = `max_detections`; rows from `count` on are zero.
        """
        anchors = self._anchors(image_size)
        counts = self.anchors.counts(*image_size)
        scores = ops.sigmoid(ops.cast(outputs["logits"], "float32"))
        candidates, start = [], 0
        for count in counts:
            rows = slice(start, start + count)
            level = scores[:, rows], outputs["deltas"][:, rows], anchors[rows]
            candidates.append(self._best_of_level(*level))
            start += count
        boxes, scores, classes = (ops.concatenate(p, axis=1) for p in zip(*candidates))
        return nms(
            box_ops.clip(boxes, *image_size),
            scores,
            classes,
            self.iou_threshold,
            self.score_threshold,
            self.max_detections,
        )

    def _best_of_level(self, scores, deltas, anchors):
        """((B, n, 4) boxes, (B, n) scores, (B, n) classes) of the best n pairs."""
        count, classes = scores.shape[1:]
        pairs = ops.reshape(scores, (-1, count * classes))
        best, index = ops.top_k(pairs, min(self.level_detections, count * classes))
        anchor = index // classes
        deltas = take_rows(ops.cast(deltas, "float32"), anchor)
        anchors = ops.take(ops.convert_to_tensor(anchors, "float32"), anchor, axis=0)
        return box_ops.decode(deltas, anchors), best, index % classes

    def _anchors(self, image_size):
        height, width = image_size
        if not (isinstance(height, int) and isinstance(width, int)):
            raise ValueError(
                f"anchors need the image's size in numbers; it is ({height}, {width}). "
                "Give the builder input_shape=(height, width, 3)"
            )
        return self.anchors(height, width)

    def evaluator(self):
        from kzoo.metrics.detection import CocoEvaluator

        return CocoEvaluator(self.class_names)
