"""Non-maximum suppression: of boxes of one class that overlap, the surest stays."""

from keras import ops

from kzoo.ops import native


def nms(
    boxes, scores, classes, iou_threshold=0.5, score_threshold=0.0, max_detections=100
):
    """The best boxes of each picture, per class, with a fixed number of rows D.

    Greedy: the box of highest score is kept, and every box of its class whose IoU with
    it is above `iou_threshold` is dropped; then the next. In a tie the lower index is
    first. A box without area is never kept.

    Args:
      boxes: (B, N, 4), xyxy. Clip them before: one box of huge size costs the
        TensorFlow kernel precision (see kzoo.ops.native).
      scores: (B, N); a box is looked at when its score is above `score_threshold`.
      classes: (B, N), whole numbers from 0.
      max_detections: D.

    Returns:
      {"boxes": (B, D, 4), "scores": (B, D), "classes": (B, D) int32, "count": (B,)
      int32}, by falling score. Rows from `count` on are zeros.
    """
    boxes, scores = ops.cast(boxes, "float32"), ops.cast(scores, "float32")
    classes = ops.cast(classes, "int32")
    if boxes.shape[1] == 0:
        boxes, scores, classes = _one_that_loses(
            boxes, scores, classes, score_threshold
        )
    index, count = native.select(
        boxes, scores, classes, iou_threshold, score_threshold, max_detections
    )
    real = ops.arange(max_detections, dtype="int32") < ops.expand_dims(count, -1)
    return {
        "boxes": ops.where(real[..., None], native.take_rows(boxes, index), 0.0),
        "scores": ops.where(real, native.take_rows(scores, index), 0.0),
        "classes": ops.where(real, native.take_rows(classes, index), 0),
        "count": count,
    }


def _one_that_loses(boxes, scores, classes, score_threshold):
    """No kernel takes N = 0, so a box is added that is never selected."""
    rows = [[0, 0], [0, 1]]
    return (
        ops.pad(boxes, [*rows, [0, 0]]),
        ops.pad(scores, rows, constant_values=score_threshold),
        ops.pad(classes, rows),
    )
