"""The operations around a detector's network: targets of anchors, suppression."""

import numpy as np

from benchmarks.racing import race

SIDE, PICTURES, OBJECTS = 512, 4, 100
CANDIDATES, CLASSES, THRESHOLD, KEPT = 1000, 80, 0.05, 100


def objects():
    """(boxes (B, M, 4), labels (B, M), valid (B, M))."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, SIDE - 130, (PICTURES, OBJECTS, 2))
    sides = rng.uniform(10, 128, (PICTURES, OBJECTS, 2))
    boxes = np.concatenate([corners, corners + sides], axis=-1).astype("float32")
    labels = rng.integers(0, CLASSES, (PICTURES, OBJECTS), dtype=np.int32)
    return boxes, labels, np.ones((PICTURES, OBJECTS), bool)


def candidates():
    """(boxes (1, N, 4), scores (1, N, K)): a tenth of the pairs score above 0.05."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, SIDE - 130, (1, CANDIDATES, 2))
    sides = rng.uniform(10, 128, (1, CANDIDATES, 2))
    boxes = np.concatenate([corners, corners + sides], axis=-1).astype("float32")
    scores = rng.beta(0.2, 8, (1, CANDIDATES, CLASSES)).astype("float32")
    return boxes, scores


def function(run, *inputs):
    """`run` as a graph, and its inputs: constants in it would be computed but once."""
    import tensorflow as tf

    compiled = tf.function(run, autograph=False)
    inputs = [tf.constant(x) for x in inputs]
    return lambda: tf.nest.map_structure(np.asarray, compiled(*inputs))


def our_targets():
    from kzoo.ops.anchors import retinanet_anchors
    from kzoo.ops.matching import anchor_targets

    anchors = retinanet_anchors()(SIDE, SIDE)
    return function(lambda *given: anchor_targets(anchors, *given), *objects())


def hub_targets():
    import tensorflow as tf
    from keras_hub.src.layers.modeling.anchor_generator import AnchorGenerator
    from keras_hub.src.models.retinanet.retinanet_label_encoder import (
        RetinaNetLabelEncoder,
    )

    anchors = AnchorGenerator("xyxy", 3, 7, 3, [0.5, 1.0, 2.0], 4.0)
    encoder = RetinaNetLabelEncoder(anchors, "xyxy")
    images = tf.zeros((PICTURES, SIDE, SIDE, 3))
    return function(lambda *given: encoder(images, *given), *objects()[:2])


def cv_targets():
    import tensorflow as tf
    from keras_cv.src.layers.object_detection.anchor_generator import AnchorGenerator
    from keras_cv.src.models.object_detection.retinanet import RetinaNetLabelEncoder

    sizes = [32.0, 64.0, 128.0, 256.0, 512.0]
    anchors = AnchorGenerator(
        "xyxy",
        sizes,
        [2**0, 2 ** (1 / 3), 2 ** (2 / 3)],
        [0.5, 1.0, 2.0],
        [8, 16, 32, 64, 128],
        clip_boxes=False,
    )
    encoder = RetinaNetLabelEncoder("xyxy", anchors)
    images = tf.zeros((PICTURES, SIDE, SIDE, 3))
    boxes, labels, _ = objects()

    def run(boxes, classes):
        return encoder(images, {"boxes": boxes, "classes": classes})

    return function(run, boxes, labels.astype("float32"))


def torch_targets():
    import torch
    from torchvision.models.detection import _utils
    from torchvision.ops import box_iou

    from kzoo.ops.anchors import retinanet_anchors

    anchors = torch.from_numpy(retinanet_anchors()(SIDE, SIDE))
    matcher = _utils.Matcher(0.5, 0.4, allow_low_quality_matches=True)
    coder = _utils.BoxCoder((1.0, 1.0, 1.0, 1.0))
    boxes = torch.from_numpy(objects()[0])

    def run():
        for one in boxes:
            found = matcher(box_iou(one, anchors)).clamp(min=0)
            coder.encode_single(one[found], anchors)

    return run


def answers():
    """What YOLOX says of the pictures of `objects`, half of it near the truth: boxes
    (B, N, 4), logits (B, N, K), objectness (B, N, 1); and its cells (N, 4)."""
    from kzoo.tasks.yolox import YoloxDetection

    rng = np.random.default_rng(1)
    cells = YoloxDetection(CLASSES).places((SIDE, SIDE))
    boxes = objects()[0]
    chosen = rng.integers(0, OBJECTS, (PICTURES, len(cells)))
    near = np.take_along_axis(boxes, chosen[..., None], axis=1)
    near = near + rng.normal(0, 8, near.shape)
    predicted = np.where(rng.random(near.shape[:2])[..., None] < 0.5, near, cells)
    predicted[..., 2:] = np.maximum(predicted[..., 2:], predicted[..., :2] + 1)
    logits = rng.normal(-4, 2, (PICTURES, len(cells), CLASSES))
    objectness = rng.normal(-3, 2, (PICTURES, len(cells), 1))
    outputs = predicted, logits, objectness
    return *(x.astype("float32") for x in outputs), cells


def our_cells():
    from kzoo.ops.simota import simota

    *outputs, cells = answers()
    return function(lambda *given: simota(*given, cells), *objects(), *outputs)


def authors_cells():
    """The code of YOLOX's authors, https://github.com/Megvii-BaseDetection/YOLOX."""
    import torch
    from yolox.models import YOLOXHead

    head = YOLOXHead(CLASSES, width=0.0625)
    predicted, logits, objectness, cells = map(torch.from_numpy, answers())
    boxes, labels, _ = map(torch.from_numpy, objects())
    strides = (cells[:, 2] - cells[:, 0])[None]
    x, y = cells[None, :, 0] / strides, cells[None, :, 1] / strides

    def middles(boxes):
        sides = boxes[..., 2:] - boxes[..., :2]
        return torch.cat([boxes[..., :2] + sides / 2, sides], dim=-1)

    def run():
        for i in range(PICTURES):
            truth = OBJECTS, middles(boxes[i]), labels[i], middles(predicted[i])
            head.get_assignments(i, *truth, strides, x, y, logits, objectness)

    return run


def our_points():
    from kzoo.ops.points import Points, point_targets

    points = Points()
    places, ranges = points(SIDE, SIDE), points.ranges(SIDE, SIDE)
    return function(
        lambda *given: point_targets(places, ranges, *given, radius=1.5), *objects()
    )


def authors_points():
    """The code of FCOS's authors, https://github.com/tianzhi0549/FCOS."""
    import torch
    from fcos_core.config import cfg
    from fcos_core.modeling.rpn.fcos.loss import FCOSLossComputation
    from fcos_core.structures.bounding_box import BoxList

    from kzoo.ops.points import Points

    cfg.MODEL.FCOS.CENTER_SAMPLING_RADIUS = 1.5
    made = FCOSLossComputation(cfg)
    points, (boxes, labels, _) = Points(), objects()
    places = torch.from_numpy(points(SIDE, SIDE)[:, :2])
    levels = places.split(points.counts(SIDE, SIDE))
    pictures = []
    for i in range(PICTURES):
        picture = BoxList(torch.from_numpy(boxes[i]), (SIDE, SIDE))
        picture.add_field("labels", torch.from_numpy(labels[i]) + 1)
        pictures.append(picture)
    return lambda: made.prepare_targets(levels, pictures)


def our_best():
    import tensorflow as tf

    from kzoo.ops.nms import nms

    def run(boxes, scores):
        classes = tf.argmax(scores, -1, "int32")
        return nms(boxes, tf.reduce_max(scores, -1), classes, 0.5, THRESHOLD, KEPT)

    return function(run, *candidates())


def hub_best():
    from keras_hub.src.layers.modeling.non_max_supression import NonMaxSuppression

    layer = NonMaxSuppression("xyxy", False, 0.5, THRESHOLD, KEPT)
    return function(lambda *given: layer(*given), *candidates())


def cv_best():
    from keras_cv.src.layers.object_detection import non_max_suppression

    layer = non_max_suppression.NonMaxSuppression("xyxy", False, 0.5, THRESHOLD, KEPT)
    return function(lambda *given: layer(*given), *candidates())


def torch_operators():
    """torch, if torchvision's compiled operators are loaded beside it."""
    import torch
    import torchvision

    if not any("torchvision" in str(p) for p in torch.ops.loaded_libraries):
        raise ImportError("torchvision's compiled operators do not load here")
    return torch, torchvision.ops


def torch_best():
    torch, ops = torch_operators()
    boxes, scores = (torch.from_numpy(x[0]) for x in candidates())

    def run():
        best, classes = scores.max(-1)
        sure = best > THRESHOLD
        return ops.batched_nms(boxes[sure], best[sure], classes[sure], 0.5)[:KEPT]

    return run


def our_pairs():
    import tensorflow as tf

    from kzoo.ops.nms import nms

    def run(boxes, scores):
        best, index = tf.math.top_k(tf.reshape(scores, (1, -1)), 1000)
        chosen = tf.gather(boxes, index // CLASSES, batch_dims=1)
        return nms(chosen, best, index % CLASSES, 0.5, THRESHOLD, KEPT)

    return function(run, *candidates())


def cv_pairs():
    from keras_cv import layers

    layer = layers.MultiClassNonMaxSuppression(
        "xyxy", False, 0.5, THRESHOLD, max_detections=KEPT
    )
    return function(lambda *given: layer(*given), *candidates())


def torch_pairs():
    torch, ops = torch_operators()
    boxes, scores = (torch.from_numpy(x[0]) for x in candidates())

    def run():
        rows, classes = torch.where(scores > THRESHOLD)
        best, order = scores[rows, classes].topk(min(1000, len(rows)))
        rows, classes = rows[order], classes[order]
        return ops.batched_nms(boxes[rows], best, classes, 0.5)[:KEPT]

    return run


def races():
    yield race(
        f"targets of 49,104 anchors: {PICTURES} pictures, {OBJECTS} boxes each",
        {"kzoo": our_targets, "keras-hub": hub_targets, "keras-cv": cv_targets}
        | {"torchvision": torch_targets},
        turns=9,
        notes={"keras-hub": "without forced matches, which raise here"},
    )
    cells = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
    yield race(
        f"SimOTA, {cells:,} cells: {PICTURES} pictures, {OBJECTS} boxes each",
        {"kzoo": our_cells, "the authors": authors_cells},
        turns=9,
    )
    points = sum((SIDE // stride) ** 2 for stride in (8, 16, 32, 64, 128))
    yield race(
        f"FCOS, {points:,} points: {PICTURES} pictures, {OBJECTS} boxes each",
        {"kzoo": our_points, "the authors": authors_points},
        turns=15,
    )
    size = f"{CANDIDATES} boxes, {CLASSES} classes, {KEPT} kept"
    yield race(
        f"suppression, each box by its best class: {size}",
        {"kzoo": our_best, "keras-hub": hub_best, "keras-cv": cv_best}
        | {"torchvision": torch_best},
        turns=15,
        notes={"keras-hub": "suppresses over all classes together"},
    )
    yield race(
        f"suppression, all pairs of box and class: {size}",
        {"kzoo": our_pairs, "keras-cv": cv_pairs, "torchvision": torch_pairs},
        turns=15,
        notes={"keras-hub": "not measured: it has none"},
    )
