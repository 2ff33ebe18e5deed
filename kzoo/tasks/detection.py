"""Detection: a fixed number of rows, each of which may be an object.

Targets are {"boxes": (B, M, 4) float32 xyxy in pixels of the image as the network
sees it, "labels": (B, M) int32, "valid": (B, M) bool}: M is fixed, `valid` says
which rows are real, and background is no class.

Raw outputs are {"logits": (B, N, K), "deltas": (B, N, 4)} and what a paper adds. Row n
has a place, an anchor or a cell of a grid, that its deltas are relative to; rows are in
the order level, row, column, shape. Letters: B pictures, M boxes, N rows, K classes, P
numbers of a place.
"""

from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops.native import take_rows
from kzoo.ops.nms import nms


class Detection:
    """What all detectors share: from rows to boxes.

    A detector of its own gives `output_losses`, `places`, `counts`, `decode` and, where
    probabilities are more than the sigmoid of the logits, `scores`.

    Attributes:
      class_names: K names; numbers until somebody gives better ones.
      score_threshold, iou_threshold, max_detections: of the results, after NMS.
      level_detections: best (row, class) pairs of a level that reach NMS.
    """

    name = "detection"
    box_losses = ()  # what the attribute `box_loss` may be, of those that have it

    def __init__(self, classes):
        self.class_names = [str(i) for i in range(classes)]
        self.score_threshold = 0.05
        self.iou_threshold = 0.5
        self.max_detections = 100
        self.level_detections = 1000

    def settings(self):
        """What `kzoo.save` keeps beside the architecture: what is a plain value."""
        plain = (bool, int, float, str)
        return {k: v for k, v in vars(self).items() if isinstance(v, plain)}

    def losses(self, model, images, targets, training):
        """The terms of `output_losses` for images (B, H, W, 3)."""
        outputs = model(images, training=training)
        return self.output_losses(outputs, targets, images.shape[1:3])

    def output_losses(self, outputs, targets, image_size):
        """{name: () float32}, over the global batch, of images of (height, width)."""
        raise NotImplementedError

    def places(self, image_size):
        """What each row is relative to, (N, P) NumPy float32: constants of a graph."""
        raise NotImplementedError

    def counts(self, image_size):
        """How many rows, one int a level; their sum is N."""
        raise NotImplementedError

    def decode(self, deltas, places):
        """Boxes (B, n, 4) xyxy pixels from deltas (B, n, 4) and places (B or 1, n, P),
        perhaps only some of the rows."""
        raise NotImplementedError

    def scores(self, outputs):
        """Probabilities (B, N, K) float32."""
        return ops.sigmoid(ops.cast(outputs["logits"], "float32"))

    def results(self, outputs, image_size):
        """The boxes that raw outputs describe, best first.

        Args:
          outputs: raw ones, see the module.
          image_size: (height, width) of the image as the network saw it, pixels.

        Returns:
          {"boxes": (B, D, 4) xyxy pixels, "scores": (B, D), "classes": (B, D) int32,
          "count": (B,) int32}, D = `max_detections`; rows from `count` on are zero.
        """
        places = self.places(image_size)
        scores, deltas = self.scores(outputs), ops.cast(outputs["deltas"], "float32")
        candidates, start = [], 0
        for count in self.counts(image_size):
            rows = slice(start, start + count)
            level = scores[:, rows], deltas[:, rows], places[rows]
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

    def candidates(self, outputs, image_size):
        """{"boxes": (B, N, 4), "scores": (B, N, K)} of all rows, before NMS."""
        deltas = ops.cast(outputs["deltas"], "float32")
        boxes = self.decode(deltas, self.places(image_size))
        return {
            "boxes": box_ops.clip(boxes, *image_size),
            "scores": self.scores(outputs),
        }

    def _best_of_level(self, scores, deltas, places):
        """((B, n, 4) boxes, (B, n) scores, (B, n) classes) of the best n pairs."""
        count, classes = scores.shape[1:]
        pairs = ops.reshape(scores, (-1, count * classes))
        best, index = ops.top_k(pairs, min(self.level_detections, count * classes))
        row = index // classes
        places = ops.take(ops.convert_to_tensor(places, "float32"), row, axis=0)
        return self.decode(take_rows(deltas, row), places), best, index % classes

    def evaluator(self):
        from kzoo.metrics.detection import CocoEvaluator

        return CocoEvaluator(self.class_names)


def static(image_size):
    """(height, width) in numbers.

    Raises:
      ValueError: where the graph does not know them.
    """
    height, width = image_size
    if not (isinstance(height, int) and isinstance(width, int)):
        raise ValueError(
            f"anchors need the image's size in numbers; it is ({height}, {width}). "
            "Give the builder input_shape=(height, width, 3)"
        )
    return height, width
