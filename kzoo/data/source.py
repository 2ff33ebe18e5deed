"""A source: pictures with their labels, reached by index inside a TensorFlow graph."""

import dataclasses

import numpy as np
import tensorflow as tf

from kzoo.data import pictures
from kzoo.data.checks import TOLERANCE, Problems, broken_rule

TASKS = ("detection", "classification")


@dataclasses.dataclass
class Record:
    """One picture as a file describes it, before anything is checked.

    boxes (M, 4) xyxy in pixels, or 0..1 if `relative`; `label` is the picture's class.
    """

    id: str
    picture: str | bytes
    file: str
    boxes: list = dataclasses.field(default_factory=list)
    labels: list = dataclasses.field(default_factory=list)
    crowd: list = dataclasses.field(default_factory=list)
    rows: list = dataclasses.field(default_factory=list)
    label: int = -1
    relative: bool = False
    size: tuple | None = None


class Source:
    """Checked examples; `len(source)` of them.

    name, split: what was opened; task: "detection" or "classification"; class_names: K
    names in the order of the labels; ids: one string an example; skipped: what
    bad_data="skip" left out; most_boxes: the largest number of boxes in a picture.
    """

    def __init__(self, name, split, task, class_names, records, problems):
        self.name, self.split, self.task = name, split, task
        self.class_names = list(class_names)
        sound = [r for r in map(_checker(task, problems, class_names), records) if r]
        self.skipped = problems.settle()
        if not sound:
            raise ValueError(f"{name} has no usable example in {split!r}")
        self.ids = [record.id for record, _, _ in sound]
        counts = [len(arrays[1]) for _, arrays, _ in sound]
        self.most_boxes = max(counts)
        records = [record for record, _, _ in sound]
        # Not on a GPU: tf.data would copy them back for each example.
        with tf.device("CPU:0"):
            self._pictures = tf.constant([record.picture for record in records])
            self._in_memory = isinstance(records[0].picture, bytes)
            self._by_pillow = tf.constant([by_pillow for _, _, by_pillow in sound])
            self._ids = tf.constant(self.ids)
            self._label = tf.constant([record.label for record in records], tf.int32)
            self._ends = tf.constant(np.cumsum([0, *counts]), tf.int64)
            columns = zip(*(arrays for _, arrays, _ in sound))
            self._rows = [tf.constant(np.concatenate(column)) for column in columns]

    def __len__(self):
        return len(self.ids)

    def example(self, index):
        """One example, also inside a graph.

        Args:
          index: () int64.

        Returns:
          A dict: "image" (h, w, 3) uint8; for detection "boxes" (M, 4) float32 xyxy
          pixels, "labels" (M,) int32 and "crowd" (M,) bool (a region that is neither
          learnt nor scored: COCO's crowds, VOC's difficult ones); for classification
          "label" () int32.
        """
        data = name = self._pictures[index]
        if self._in_memory:
            name = self._ids[index]
        else:
            data = tf.io.read_file(data)
        image = pictures.decode(data, self._by_pillow[index], name)
        if self.task == "classification":
            return {"image": image, "label": self._label[index]}
        start, end = self._ends[index], self._ends[index + 1]
        boxes, labels, crowd = (rows[start:end] for rows in self._rows)
        return {"image": image, "boxes": boxes, "labels": labels, "crowd": crowd}

    def report(self):
        """A line on what was left out; empty when nothing was."""
        count = len(self.skipped)
        return f"{self.name} {self.split}: {count} rows left out" if count else ""


def _checker(task, problems, class_names):
    """A function: a Record to (record, (boxes, labels, crowd), by_pillow), or None."""

    def check(record):
        name = record.id if isinstance(record.picture, bytes) else record.picture
        try:
            shown, stored, by_pillow = pictures.look(record.picture)
        except ValueError as error:
            return problems.add(name, "", str(error))
        width, height = shown
        if record.size and record.size != shown:
            if record.size != stored:
                reason = f"says {record.size}, but {name} has {stored} pixels"
                return problems.add(record.file, "size (width, height)", reason)
            # The boxes were drawn on the picture as it lies in the file.
            (width, height), by_pillow = stored, False
        scale = [width, height, width, height] if record.relative else 1
        boxes = np.array(record.boxes, np.float64).reshape(-1, 4) * scale
        keep = []
        for i, (box, label) in enumerate(zip(boxes, record.labels)):
            reason = broken_rule(box, width, height)
            if not 0 <= label < len(class_names):
                reason = f"class {label} is not one of 0..{len(class_names) - 1}"
            if reason:
                problems.add(record.file, record.rows[i], reason)
            else:
                keep.append(i)
        boxes = np.clip(boxes[keep], 0, [width, height, width, height])
        labels = np.array(record.labels, np.int32)[keep]
        crowd = np.array(record.crowd, bool)[keep]
        return record, (boxes.astype(np.float32), labels, crowd), by_pillow

    return check


__all__ = ["TASKS", "TOLERANCE", "Problems", "Record", "Source"]
