"""A picture with its annotation as a file describes it, and the check at the door."""

import dataclasses
from typing import NamedTuple

import numpy as np

from kzoo.data import pictures
from kzoo.data.checks import broken_rule


@dataclasses.dataclass
class Record:
    """One example, before anything is checked.

    picture: a path, or the bytes of the file; file: what an error is to name;
    boxes, labels, crowd, rows: M of each: (xmin, ymin, xmax, ymax) in pixels, or in
    0..1 if `relative`; class number; whether to leave the region out of learning and
    scores; the words for an error. label: the class of the whole picture.
    size: (width, height) if the annotation states it. instances: a PNG of the picture's
    size with i + 1 where object i is seen, where masks are known.
    """

    id: str
    picture: str | bytes
    file: str
    boxes: list = dataclasses.field(default_factory=list)
    labels: list = dataclasses.field(default_factory=list)
    crowd: list = dataclasses.field(default_factory=list)
    rows: list = dataclasses.field(default_factory=list)
    label: int = 0
    relative: bool = False
    size: tuple | None = None
    instances: bytes = b""

    def add(self, row, box, label, crowd=False):
        self.rows.append(row)
        self.boxes.append(box)
        self.labels.append(label)
        self.crowd.append(bool(crowd))


class Checked(NamedTuple):
    """A Record's sound part: boxes (M, 4) float32 xyxy pixels, clipped; labels (M,)
    int32; crowd (M,) bool; how to decode the picture (see kzoo.data.pictures);
    the map of instances and the numbers of the boxes in it, (M,)."""

    id: str
    picture: str | bytes
    label: int
    boxes: np.ndarray
    labels: np.ndarray
    crowd: np.ndarray
    by_pillow: bool
    turn: bool
    instances: bytes = b""
    numbers: np.ndarray = np.zeros(0, np.uint8)


def check(record, classes, problems):
    """Checked, or None when the whole picture is left out.

    Args:
      classes: the number of classes.
      problems: a Problems that is told of every rule that is broken.
    """
    name = record.id if isinstance(record.picture, bytes) else record.picture
    try:
        look = pictures.look(record.picture)
    except ValueError as error:
        return problems.add(name, "", str(error))
    turn = look.turned
    if record.size and tuple(record.size) != look.shown:
        if tuple(record.size) != look.stored:
            reason = f"is {record.size} here, but the picture has {look.shown} pixels"
            return problems.add(record.file, "size (width, height)", reason)
        # The boxes were drawn on the picture as it lies in the file, so it stays.
        turn = False
    size = look.shown if turn else look.stored
    scale = [*size, *size] if record.relative else [1, 1, 1, 1]
    boxes = np.array(record.boxes, np.float64).reshape(-1, 4) * scale
    keep = []
    for i, (box, label) in enumerate(zip(boxes, record.labels)):
        reason = broken_rule(box, *size)
        if not 0 <= label < classes:
            reason = f"class {label} is not one of 0 to {classes - 1}"
        if reason:
            problems.add(record.file, record.rows[i], reason)
        else:
            keep.append(i)
    return Checked(
        record.id,
        record.picture,
        record.label,
        np.clip(boxes[keep], 0, [*size, *size]).astype(np.float32),
        np.array(record.labels, np.int32)[keep],
        np.array(record.crowd, bool)[keep],
        turn or not look.native,
        turn,
        record.instances,
        np.array(keep, np.uint8) + np.uint8(1),
    )
