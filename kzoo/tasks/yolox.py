"""Detection from cells that know whether there is an object: YOLOX."""

from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops.anchors import Anchors
from kzoo.ops.matching import at_least_one
from kzoo.ops.native import global_sum, take_rows
from kzoo.ops.simota import simota
from kzoo.tasks.detection import Detection, static

STRIDES = (8, 16, 32)
BOX_WEIGHT = 5.0
# exp of it times a stride is larger than any picture, and its square is finite.
MAX_LOG_SIDE = 10.0


class YoloxDetection(Detection):
    """What the raw outputs of YOLOX mean: Ge et al. 2021,
    https://arxiv.org/abs/2107.08430, section 2, and the authors' code.

    Targets may have "closing": (B,) float32 too, 1 for pictures as they are, which come
    in the last epochs when no mosaics are made any more; their boxes get an L1 loss.

    Attributes:
      cells: `Anchors` that are the cells of the grids themselves.
    """

    def __init__(self, classes):
        super().__init__(classes)
        self.cells = Anchors(STRIDES, tuple(((s, s),) for s in STRIDES))
        # As the authors evaluate.
        self.score_threshold = 0.01
        self.iou_threshold = 0.65

    def output_losses(self, outputs, targets, image_size):
        """{"box_loss", "objectness_loss", "class_loss", "l1_loss"}: () float32 each.

        Sums over the cells that answer for a box, of the objectness over all cells,
        divided by the number of the former in the global batch.
        """
        outputs = {name: ops.cast(x, "float32") for name, x in outputs.items()}
        logits, deltas = outputs["logits"], outputs["deltas"]
        objectness, cells = outputs["objectness"], self.places(image_size)
        predicted = self.decode(deltas, cells)
        truth = (
            ops.cast(targets["boxes"], "float32"),
            targets["labels"],
            targets["valid"],
        )
        given = simota(*truth, predicted, logits, objectness, cells)
        boxes, labels = (take_rows(at_least_one(x, 1), given.index) for x in truth[:2])
        positive = ops.cast(given.positive, "float32")
        normalizer = ops.maximum(global_sum(ops.sum(positive)), 1.0)

        overlap = box_ops.paired_iou(predicted, boxes)
        classes = ops.one_hot(labels, logits.shape[-1], dtype="float32")
        class_loss = _cross_entropy(classes * given.iou[..., None], logits)
        l1_loss = ops.sum(ops.abs(deltas - _encode(boxes, cells)), axis=-1)
        terms = {
            "box_loss": BOX_WEIGHT * (1.0 - ops.square(overlap)) * positive,
            "objectness_loss": _cross_entropy(positive, objectness[..., 0]),
            "class_loss": ops.sum(class_loss, axis=-1) * positive,
            "l1_loss": l1_loss * positive * _closing(targets, positive),
        }
        return {name: ops.sum(term) / normalizer for name, term in terms.items()}

    def places(self, image_size):
        """(N, 4): the cells, xyxy pixels."""
        return self.cells(*static(image_size))

    def counts(self, image_size):
        return self.cells.counts(*image_size)

    def decode(self, deltas, places):
        """Centres in strides from a cell's left top corner, logarithms of sides in
        strides."""
        corner, stride = places[..., :2], places[..., 2:] - places[..., :2]
        deltas = ops.cast(deltas, "float32")
        centre = deltas[..., :2] * stride + corner
        half = ops.exp(ops.minimum(deltas[..., 2:], MAX_LOG_SIDE)) * stride / 2
        return ops.concatenate([centre - half, centre + half], axis=-1)

    def scores(self, outputs):
        """Of each class its probability times that of an object."""
        objectness = ops.sigmoid(ops.cast(outputs["objectness"], "float32"))
        return super().scores(outputs) * objectness

    def _best_of_level(self, scores, deltas, places):
        """As all detectors; a cell stands for its likeliest class alone."""
        best = ops.max(scores, axis=-1, keepdims=True)
        scores = ops.where(scores == best, scores, 0.0)
        return super()._best_of_level(scores, deltas, places)


def _encode(boxes, cells):
    """What `decode` takes to these boxes, (B, N, 4); finite for those without area."""
    stride = cells[:, 2:] - cells[:, :2]
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    # The authors add this, too.
    logs = ops.log(sides / stride + 1e-8)
    return ops.concatenate([(centre - cells[:, :2]) / stride, logs], axis=-1)


def _cross_entropy(targets, logits):
    """Elementwise, of targets in 0..1."""
    return ops.softplus(logits) - targets * logits


def _closing(targets, like):
    if "closing" not in targets:
        return ops.zeros_like(like)
    return ops.cast(targets["closing"], "float32")[:, None]
