"""A source: pictures with their labels, reached by index inside a TensorFlow graph."""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from kzoo.data import pictures
from kzoo.data.checks import different
from kzoo.data.records import check

TASKS = ("detection", "classification")
MANY = 3000  # records: checking more takes seconds, so a bar shows how far it is


class Source:
    """Checked examples, `len(source)` of them.

    name, split: what was opened. task: "detection" or "classification".
    class_names: K names, in the order of the labels. ids: one string for each example.
    skipped: what bad_data="skip" left out, as (file, row, reason).
    most_boxes: the largest number of boxes in a picture. has_masks: whether examples
    can have masks.

    Args:
      records: an iterable of Records, `count` of them.
      problems: a Problems; Source settles it.
      fetch: f(i) -> the bytes of the picture of record i, in Python, for data that fits
        no memory; None when the records' own paths or bytes serve.
    """

    def __init__(
        self, name, split, task, class_names, records, count, problems, fetch=None
    ):
        self.name, self.split, self.task = name, split, task
        self.class_names = different(class_names, name)
        examples, positions = [], []
        bar = {"desc": f"checking {name} {split}", "disable": count < MANY}
        for i, record in enumerate(tqdm(records, total=count, leave=False, **bar)):
            example = check(record, len(self.class_names), problems)
            if example:
                examples.append(example._replace(picture=b"") if fetch else example)
                positions.append(i)
        self.skipped = problems.settle()
        if not examples:
            raise ValueError(f"{name} has no usable example in {split!r}")
        self.ids = [example.id for example in examples]
        self._store(examples)
        if fetch:
            self._data = lambda index: tf.numpy_function(
                lambda i: fetch(positions[i]), [index], tf.string, stateful=False
            )

    def _store(self, examples):
        columns = list(zip(*examples))
        counts = [len(labels) for labels in columns[4]]
        self.most_boxes = max(counts)
        # Not on a GPU: tf.data would fetch them back for every example.
        with tf.device("CPU:0"):
            stored = tf.constant(columns[1])
            self._names = tf.constant(self.ids)
            self._label = tf.constant(columns[2], tf.int32)
            self._ends = tf.constant(np.cumsum([0, *counts]), tf.int64)
            self._rows = [tf.constant(np.concatenate(rows)) for rows in columns[3:6]]
            self._decoding = [tf.constant(marks) for marks in columns[6:8]]
            self.has_masks = all(columns[8])
            if self.has_masks:
                self._instances = tf.constant(columns[8])
                self._numbers = tf.constant(np.concatenate(columns[9]))
        if isinstance(examples[0].picture, bytes):
            self._data = lambda index: stored[index]
        else:
            self._data = lambda index: tf.io.read_file(stored[index])
            self._names = stored

    def __len__(self):
        return len(self.ids)

    def example(self, index, masks=False):
        """One example, also inside a graph.

        Args:
          index: () int64.
          masks: whether it is to have "masks" (M, h, w) uint8, 0 or 1, of what is
            seen of each object; see has_masks.

        Returns:
          A dict. "image" (h, w, 3) uint8 RGB; for detection "boxes" (M, 4) float32 xyxy
          in its pixels, "labels" (M,) int32, "crowd" (M,) bool: a region that is
          neither learnt nor scored (COCO's crowds, VOC's difficult objects); for
          classification "label" () int32.
        """
        marks = [marks[index] for marks in self._decoding]
        image = pictures.decode(self._data(index), *marks, self._names[index])
        if self.task == "classification":
            return {"image": image, "label": self._label[index]}
        start, end = self._ends[index], self._ends[index + 1]
        boxes, labels, crowd = (rows[start:end] for rows in self._rows)
        example = {"image": image, "boxes": boxes, "labels": labels, "crowd": crowd}
        if masks:
            numbers = self._numbers[start:end, None, None]
            instances = tf.io.decode_png(self._instances[index], 1)[..., 0]
            example["masks"] = tf.cast(instances[None] == numbers, tf.uint8)
        return example

    def read(self, indices=None):
        """Iterates over examples, as NumPy arrays: all, or those of `indices`."""
        indices = np.arange(len(self)) if indices is None else np.asarray(indices)
        dataset = tf.data.Dataset.from_tensor_slices(indices.astype("int64"))
        dataset = dataset.map(self.example, tf.data.AUTOTUNE, deterministic=True)
        return dataset.as_numpy_iterator()

    def counts(self):
        """How often each class comes, (K,): pictures, or boxes that are no crowd."""
        labels = self._label.numpy()
        if self.task == "detection":
            labels = self._rows[1].numpy()[~self._rows[2].numpy()]
        return np.bincount(labels, minlength=len(self.class_names))

    def report(self):
        """One line on what was left out; "" when nothing was."""
        if not self.skipped:
            return ""
        first, more = self.skipped[0], len(self.skipped) - 1
        more = f", and {more} more" if more else ""
        return f"{self.name} {self.split}: left out {first}{more}"
