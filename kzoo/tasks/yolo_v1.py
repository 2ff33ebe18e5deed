"""YOLO v1: each cell of a grid tells one class and a few boxes, all of it linear.

Redmon et al., CVPR 2016, https://arxiv.org/abs/1506.02640, section 2; where it leaves
something open, as the authors' src/detection_layer.c does it. Raw outputs of S cells
with b boxes each (N = S b) are

    logits (B, S, K): what the cell takes for the probability of each class
    objectness (B, N, 1): how well a box fits an object, 0 where there is none
    deltas (B, N, 4): centre x and y in its cell, 0..1, and the roots of width and
        height as parts of the picture
"""

import numpy as np
from keras import ops

from kzoo.ops import boxes as box_ops
from kzoo.ops import cells
from kzoo.ops.native import argmax, global_sum, take_rows
from kzoo.tasks.detection import Detection, static


class YoloV1Detection(Detection):
    """What the raw outputs mean.

    An object belongs to the cell of its centre. Of two in a cell the first one of the
    targets stays and the other is no object at all; the authors shuffle them before.

    Attributes:
      stride: pixels of a cell's side.
      boxes: b.
      box_weight, background_weight: lambda_coord and lambda_noobj of section 2.2.
    """

    def __init__(self, classes, stride, boxes):
        super().__init__(classes)
        self.stride = stride
        self.boxes = boxes
        self.box_weight = 5.0
        self.background_weight = 0.5
        # As the authors measure (examples/yolo.c).
        self.score_threshold = 0.001

    def output_losses(self, outputs, targets, image_size):
        """{"class_loss", "box_loss", "object_loss"}, each () float32.

        Half of the paper's sum of squares, over the pictures of the global batch: its
        gradient is what the authors' code calls delta, which they divide by the batch.
        Of a cell's boxes the one of largest IoU with the object is responsible, or
        where none touches it the nearest one; its confidence shall be that IoU.
        """
        outputs = {name: ops.cast(x, "float32") for name, x in outputs.items()}
        logits, deltas = outputs["logits"], self._of_cells(outputs["deltas"])
        confidence = self._of_cells(outputs["objectness"])[..., 0]
        goal = self._goal(targets, image_size)
        iou, responsible = self._responsible(deltas, goal, image_size)

        squares = ops.sum(ops.square(goal["deltas"][:, :, None] - deltas), axis=-1)
        box_loss = self.box_weight * ops.sum(responsible * squares)
        object_loss = responsible * ops.square(iou - confidence)
        rest = (1.0 - responsible) * ops.square(confidence)
        object_loss = ops.sum(object_loss + self.background_weight * rest)
        truth = ops.one_hot(goal["labels"], logits.shape[-1], dtype="float32")
        squares = ops.square(truth - logits) * goal["taken"][..., None]

        pictures = global_sum(ops.cast(ops.shape(logits)[0], "float32"))
        return {
            "class_loss": ops.sum(squares) / (2.0 * pictures),
            "box_loss": box_loss / (2.0 * pictures),
            "object_loss": object_loss / (2.0 * pictures),
        }

    def _of_cells(self, rows):
        """(B, N, n) as (B, S, b, n)."""
        shape = (-1, rows.shape[1] // self.boxes, self.boxes, rows.shape[-1])
        return ops.reshape(rows, shape)

    def _goal(self, targets, image_size):
        """What each cell shall say: {"boxes": (B, S, 4), "labels": (B, S), "deltas":
        (B, S, 4), "taken": (B, S), 1 where it has an object, else 0}."""
        corners = cells.corners(static(image_size), self.stride)
        found = cells.objects(targets, image_size)
        cell = cells.cell_of(found.boxes, image_size, self.stride)
        index, taken = cells.owners(cell, found.valid, len(corners))
        own = np.concatenate([corners, corners + self.stride], axis=-1)
        boxes = ops.where(taken[..., None], take_rows(found.boxes, index), own)
        x, y, width, height = cells.centre_and_size(boxes)
        parts = [
            (x - corners[:, 0]) / self.stride,
            (y - corners[:, 1]) / self.stride,
            ops.sqrt(width / image_size[1]),
            ops.sqrt(height / image_size[0]),
        ]
        return {
            "boxes": boxes,
            "labels": ops.where(taken, take_rows(found.labels, index), 0),
            "deltas": ops.stack(parts, axis=-1),
            "taken": ops.cast(taken, "float32"),
        }

    def _responsible(self, deltas, goal, image_size):
        """IoU (B, S, b) of each box with its cell's object, and 1 for the responsible
        one of a cell with an object, else 0. Constants to the gradient."""
        deltas = ops.stop_gradient(deltas)
        places = ops.reshape(
            ops.convert_to_tensor(self.places(image_size), "float32"),
            (1, deltas.shape[1], self.boxes, -1),
        )
        boxes, truth = self.decode(deltas, places), goal["boxes"][:, :, None]
        iou = box_ops.paired_iou(boxes, truth)
        touches = ops.any(iou > 0.0, axis=-1, keepdims=True)
        best = argmax(ops.where(touches, iou, -_distance(boxes, truth, image_size)))
        responsible = ops.one_hot(best, self.boxes, dtype="float32")
        return iou, responsible * goal["taken"][..., None]

    def places(self, image_size):
        """(N, 5): x and y of the cell's corner, its side, width and height of the
        picture; all in pixels."""
        height, width = static(image_size)
        corners = cells.corners((height, width), self.stride)
        rest = np.tile(np.float32([self.stride, width, height]), (len(corners), 1))
        return np.concatenate([corners, rest], axis=-1).repeat(self.boxes, axis=0)

    def counts(self, image_size):
        rows, columns = cells.grid(image_size, self.stride)
        return (rows * columns * self.boxes,)

    def decode(self, deltas, places):
        places = ops.cast(places, "float32")
        middle = places[..., :2] + deltas[..., :2] * places[..., 2:3]
        half = ops.square(deltas[..., 2:]) * places[..., 3:] / 2.0
        return ops.concatenate([middle - half, middle + half], axis=-1)

    def scores(self, outputs):
        """A cell's probabilities times each box's confidence, what is above 1 as 1 and
        what is below 0 as 0: nothing holds the linear outputs in between."""
        outputs = {name: ops.cast(x, "float32") for name, x in outputs.items()}
        probabilities = outputs["logits"][:, :, None]
        scores = probabilities * self._of_cells(outputs["objectness"])
        _, count, boxes, classes = scores.shape
        scores = ops.reshape(scores, (-1, count * boxes, classes))
        return ops.clip(scores, 0.0, 1.0)


def _distance(boxes, others, image_size):
    """Between centres and sides, in parts of the picture, (...)."""
    height, width = image_size
    pairs = zip(cells.centre_and_size(boxes), cells.centre_and_size(others))
    parts = [
        ops.square((a - b) / side)
        for (a, b), side in zip(pairs, (width, height, width, height))
    ]
    return ops.sqrt(sum(parts))
