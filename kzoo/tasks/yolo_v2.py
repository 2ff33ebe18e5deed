"""YOLO v2: each cell of a grid has a few priors, and each prior an object or none.

Redmon and Farhadi, CVPR 2017, https://arxiv.org/abs/1612.08242, section 2; the loss,
which the paper does not give, as the authors' src/region_layer.c has it. Raw outputs of
N rows, in the order row, column, prior, are

    logits (B, N, K): of a softmax over the classes
    objectness (B, N, 1): the logit of how well the box fits an object
    deltas (B, N, 4): logits of the centre's x and y in its cell, and the logarithms of
        width and height in units of the prior
"""

import numpy as np
from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops import cells
from kzoo.ops.native import argmax, global_sum, take_rows
from kzoo.tasks.detection import Detection, static


class YoloV2Detection(Detection):
    """What the raw outputs mean.

    An object belongs to the cell of its centre and there to the prior of the most
    similar shape, the first in a tie; of two that want the same prior of a cell the
    last one of the targets has it. Left out of the authors' code: while they saw their
    first 12,800 pictures, boxes without an object were also drawn to their priors, with
    a weight of 0.01. A loss here knows nothing of when it is asked.

    Attributes:
      anchors: the priors, (width, height) in cells.
      stride: pixels of a cell's side.
      object_weight, background_weight, box_weight, class_weight: of the cfg.
      ignore_threshold: a box whose IoU with any object is above it is no background.
    """

    def __init__(self, classes, anchors, stride=32):
        super().__init__(classes)
        self.anchors = np.asarray(anchors, "float32")
        self.stride = stride
        self.object_weight = 5.0
        self.background_weight = 1.0
        self.box_weight = 1.0
        self.class_weight = 1.0
        self.ignore_threshold = 0.6
        # As the authors measure (examples/detector.c).
        self.score_threshold = 0.005
        self.iou_threshold = 0.45

    def output_losses(self, outputs, targets, image_size):
        """{"class_loss", "box_loss", "object_loss"}, each () float32.

        Half of the sum of squares, and the cross-entropy of classes, over the pictures
        of the global batch: the gradient is what the authors' code calls delta, which
        they divide by the batch. Small boxes weigh up to twice as much.
        """
        outputs = {name: ops.cast(x, "float32") for name, x in outputs.items()}
        found = cells.objects(targets, static(image_size))
        goal = self._goal(found, image_size)
        iou, ignored = self._overlaps(outputs["deltas"], found, goal, image_size)
        taken = goal["taken"]
        objectness = ops.sigmoid(outputs["objectness"][..., 0])
        rest = (1.0 - taken) * (1.0 - ignored) * ops.square(objectness)
        object_loss = self.object_weight * taken * ops.square(iou - objectness)
        object_loss = ops.sum(object_loss + self.background_weight * rest) / 2.0

        moves = ops.sigmoid(outputs["deltas"][..., :2])
        said = ops.concatenate([moves, outputs["deltas"][..., 2:]], axis=-1)
        squares = ops.sum(ops.square(goal["deltas"] - said), axis=-1) / 2.0
        box_loss = self.box_weight * ops.sum(taken * goal["weights"] * squares)
        chosen = ops.one_hot(goal["labels"], outputs["logits"].shape[-1])
        surprise = -ops.sum(ops.log_softmax(outputs["logits"]) * chosen, axis=-1)
        class_loss = self.class_weight * ops.sum(taken * surprise)

        pictures = global_sum(ops.cast(ops.shape(moves)[0], "float32"))
        return {
            "class_loss": class_loss / pictures,
            "box_loss": box_loss / pictures,
            "object_loss": object_loss / pictures,
        }

    def _goal(self, found, image_size):
        """What each row shall say: {"boxes": (B, N, 4), "labels": (B, N), "deltas": (B,
        N, 4) centre in the cell and logarithms, "weights": (B, N), "taken": (B, N), 1
        where a row has an object, else 0}."""
        places = self.places(image_size)
        cell = cells.cell_of(found.boxes, image_size, self.stride)
        row = cell * len(self.anchors) + self._prior_of(found.boxes)
        index, taken = cells.owners(row, found.valid, len(places), last=True)
        own = self.decode(np.zeros((len(places), 4), "float32"), places)
        boxes = ops.where(taken[..., None], take_rows(found.boxes, index), own)
        x, y, width, height = cells.centre_and_size(boxes)
        parts = [
            (x - places[:, 0]) / self.stride,
            (y - places[:, 1]) / self.stride,
            ops.log(width / places[:, 3]),
            ops.log(height / places[:, 4]),
        ]
        return {
            "boxes": boxes,
            "labels": ops.where(taken, take_rows(found.labels, index), 0),
            "deltas": ops.stack(parts, axis=-1),
            "weights": 2.0 - width * height / (image_size[0] * image_size[1]),
            "taken": ops.cast(taken, "float32"),
        }

    def _prior_of(self, boxes):
        """(B, M) int32: the prior of the largest IoU if it had the box's centre."""
        _, _, width, height = cells.centre_and_size(boxes)
        sides = ops.stack([width, height], axis=-1)
        shapes = ops.concatenate([ops.zeros_like(sides), sides], axis=-1)
        priors = np.pad(self.anchors * self.stride, [(0, 0), (2, 0)])
        return argmax(box_ops.iou(shapes, priors[None]))

    def _overlaps(self, deltas, found, goal, image_size):
        """IoU (B, N) of each row's box with its own object, and 1 where that with any
        object is above the threshold, else 0. Constants to the gradient."""
        boxes = self.decode(ops.stop_gradient(deltas), self.places(image_size))
        every = box_ops.iou(boxes, found.boxes)
        every = ops.where(found.valid[:, None], every, 0.0)
        ignored = ops.max(every, axis=-1) > self.ignore_threshold
        iou = box_ops.paired_iou(boxes, goal["boxes"])
        return iou, ops.cast(ignored, "float32")

    def places(self, image_size):
        """(N, 5): x and y of the cell's corner, its side, width and height of the
        prior; all in pixels."""
        corners = cells.corners(static(image_size), self.stride)
        count, priors = len(corners), len(self.anchors)
        rest = np.pad(self.anchors, [(0, 0), (1, 0)], constant_values=1) * self.stride
        return np.concatenate(
            [corners.repeat(priors, axis=0), np.tile(rest, (count, 1))], axis=-1
        )

    def counts(self, image_size):
        rows, columns = cells.grid(image_size, self.stride)
        return (rows * columns * len(self.anchors),)

    def decode(self, deltas, places):
        """The logarithm of a side grows by `kzoo.ops.boxes.MAX_LOG_SCALE` at most, so
        that an untrained network gives no infinity."""
        places = ops.cast(places, "float32")
        moves = ops.sigmoid(deltas[..., :2]) * places[..., 2:3]
        scales = ops.minimum(deltas[..., 2:], box_ops.MAX_LOG_SCALE)
        middle, half = places[..., :2] + moves, ops.exp(scales) * places[..., 3:] / 2.0
        return ops.concatenate([middle - half, middle + half], axis=-1)

    def scores(self, outputs):
        probabilities = ops.softmax(ops.cast(outputs["logits"], "float32"))
        return probabilities * ops.sigmoid(ops.cast(outputs["objectness"], "float32"))
