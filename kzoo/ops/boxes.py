"""Boxes: formats, areas, overlaps, and the deltas that move an anchor to a box.

Inside kzoo a box is `xyxy` in pixels of the picture that the network sees. All
results are float32, under every precision policy: a bfloat16 coordinate above 256 is
off by a pixel. Letters: N and M boxes; "..." any leading dimensions that broadcast.
"""

import math

from keras import ops
from keras.utils import bounding_boxes as keras_boxes

# Below this (square pixels) an area counts as none; a division by it stays finite.
TINY = 1e-7
# A 16 px anchor may become a 1000 px box, no more (Ren et al. 2015, their code).
MAX_LOG_SCALE = math.log(1000 / 16)

# Our name -> Keras' name.
FORMATS = {
    "xyxy": "xyxy",
    "yxyx": "yxyx",
    "xywh": "xywh",
    "cxcywh": "center_xywh",
    "rel_xyxy": "rel_xyxy",
    "rel_yxyx": "rel_yxyx",
    "rel_xywh": "rel_xywh",
    "rel_cxcywh": "rel_center_xywh",
}


def convert(boxes, source, target, height=None, width=None):
    """Boxes (..., 4) in another format.

    Args:
      source, target: one of `FORMATS`. x goes right and y down; xywh starts with the
        left top corner, cxcywh (YOLO's) with the centre; rel_ is in 0..1.
      height, width: of the picture, pixels; needed between pixels and rel_.

    Raises:
      ValueError: an unknown format, or rel_ without the size of the picture.
    """
    for name in (source, target):
        if name not in FORMATS:
            raise ValueError(f"no box format {name!r}; kzoo has {', '.join(FORMATS)}")
    return keras_boxes.convert_format(
        boxes, FORMATS[source], FORMATS[target], height=height, width=width
    )


def area(boxes):
    """Square pixels (...) of boxes (..., 4); none where a side is negative."""
    _, _, width, height = _sides(boxes)
    return width * height


def clip(boxes, height, width):
    """The part of boxes (..., 4) that lies in a picture; may be left without area."""
    # Not Keras' clip_to_image_size: it wants a dict and marks empty boxes by label -1.
    x1, y1, x2, y2 = _split(boxes)
    height, width = ops.cast(height, "float32"), ops.cast(width, "float32")
    return ops.stack(
        [
            ops.clip(x1, 0.0, width),
            ops.clip(y1, 0.0, height),
            ops.clip(x2, 0.0, width),
            ops.clip(y2, 0.0, height),
        ],
        axis=-1,
    )


def iou(a, b):
    """Intersection over union of every pair: (..., N, 4), (..., M, 4) -> (..., N, M).

    A box without area overlaps nothing, not even itself.
    """
    # Not Keras' compute_iou: its ranks are 2 and 3 alone, and a box whose two sides
    # are negative has a positive area there.
    return paired_iou(ops.expand_dims(a, -2), ops.expand_dims(b, -3))


def paired_iou(a, b):
    """Intersection over union: (..., 4), (..., 4) -> (...)."""
    intersection, union = _overlap(a, b)
    return _ratio(intersection, union)


def paired_giou(a, b):
    """Generalized IoU in (-1, 1]: (..., 4), (..., 4) -> (...).

    Rezatofighi et al., CVPR 2019, https://arxiv.org/abs/1902.09630, algorithm 1.
    """
    intersection, union = _overlap(a, b)
    width, height = _hull(a, b)
    hull = width * height
    return _ratio(intersection, union) - _ratio(hull - union, hull)


def paired_diou(a, b):
    """Distance IoU in (-1, 1]: (..., 4), (..., 4) -> (...).

    Zheng et al., AAAI 2020, https://arxiv.org/abs/1911.08287, equation 7.
    """
    ax, ay, _, _ = _sides(a)
    bx, by, _, _ = _sides(b)
    width, height = _hull(a, b)
    between = ops.square(ax - bx) + ops.square(ay - by)
    return paired_iou(a, b) - _ratio(between, ops.square(width) + ops.square(height))


def paired_ciou(a, b):
    """Complete IoU, which also asks for the same shape: (..., 4), (..., 4) -> (...).

    Zheng et al., AAAI 2020, https://arxiv.org/abs/1911.08287, equations 8 to 11. The
    weight alpha is a constant to the gradient, as in the authors' code.
    """
    # Not Keras' compute_ciou: it adds epsilon to heights and not to widths, and lets
    # the gradient through alpha.
    shape = (4 / math.pi**2) * ops.square(_angle(a) - _angle(b))
    alpha = ops.stop_gradient(_ratio(shape, 1.0 - paired_iou(a, b) + shape))
    return paired_diou(a, b) - alpha * shape


def encode(boxes, anchors, variances=(1.0, 1.0, 1.0, 1.0)):
    """Deltas (dx, dy, dw, dh) from anchors (N, 4) to boxes (..., N, 4): (..., N, 4).

    Centres in units of the anchor's sides, sides as logarithms of their ratio (Girshick
    et al. 2014, appendix C), divided by the variances. Finite for a box without area.
    """
    return keras_boxes.encode_box_to_deltas(
        anchors,
        boxes,
        anchor_format="xyxy",
        box_format="xyxy",
        encoding_format="center_xywh",
        variance=variances,
    )


def decode(deltas, anchors, variances=(1.0, 1.0, 1.0, 1.0)):
    """Boxes (..., N, 4) from deltas (..., N, 4) and anchors (N, 4): encode's inverse.

    The logarithm of a side grows by `MAX_LOG_SCALE` at most.
    """
    # Keras' decode_deltas_to_boxes has no such bound: an untrained net gives infinity.
    deltas = ops.cast(deltas, "float32") * ops.convert_to_tensor(variances, "float32")
    moves, scales = deltas[..., :2], deltas[..., 2:]
    return keras_boxes.decode_deltas_to_boxes(
        anchors,
        ops.concatenate([moves, ops.minimum(scales, MAX_LOG_SCALE)], axis=-1),
        anchor_format="xyxy",
        box_format="xyxy",
        encoded_format="center_xywh",
    )


def _split(boxes):
    """x1, y1, x2, y2; a box whose sides run the wrong way shrinks to (x1, y1)."""
    boxes = ops.cast(boxes, "float32")
    x1, y1 = boxes[..., 0], boxes[..., 1]
    return x1, y1, ops.maximum(x1, boxes[..., 2]), ops.maximum(y1, boxes[..., 3])


def _sides(boxes):
    """Centre x, centre y, width, height, each (...)."""
    x1, y1, x2, y2 = _split(boxes)
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _overlap(a, b):
    """Areas of the intersection and of the union of pairs."""
    ax1, ay1, ax2, ay2 = _split(a)
    bx1, by1, bx2, by2 = _split(b)
    width = ops.minimum(ax2, bx2) - ops.maximum(ax1, bx1)
    height = ops.minimum(ay2, by2) - ops.maximum(ay1, by1)
    intersection = ops.maximum(width, 0.0) * ops.maximum(height, 0.0)
    return intersection, area(a) + area(b) - intersection


def _hull(a, b):
    """Width and height of the smallest box around both of a pair."""
    ax1, ay1, ax2, ay2 = _split(a)
    bx1, by1, bx2, by2 = _split(b)
    width = ops.maximum(ax2, bx2) - ops.minimum(ax1, bx1)
    height = ops.maximum(ay2, by2) - ops.minimum(ay1, by1)
    return width, height


def _angle(boxes):
    """The angle of the diagonal; finite, with a finite gradient, without area too."""
    _, _, width, height = _sides(boxes)
    return ops.arctan(width / ops.maximum(height, TINY))


def _ratio(part, whole):
    return part / ops.maximum(whole, TINY)
