"""From a source string to a Source."""

import pathlib

import numpy as np

from kzoo.data import arrays, coco, folder, splits, voc, yolo
from kzoo.data.checks import Problems, Skipped
from kzoo.data.source import TASKS, Source

CHOICES = (
    "scenes, tfds:NAME, voc:FOLDER, coco:FOLDER_OR_JSON, yolo:FOLDER, folder:FOLDER, "
    "npz:FOLDER_OR_FILE, digits"
)
# Each has splits(folder) -> names and load(folder, split, problems) -> names, Records.
FORMATS = {
    "voc": (voc, "detection"),
    "coco": (coco, "detection"),
    "yolo": (yolo, "detection"),
    "folder": (folder, "classification"),
}


def open_source(
    source, split, *, task="detection", bad_data="error", examples=None, seed=0
):
    """Opens a data set and checks it: every box, and the header of every picture.

    Args:
      source: scenes, tfds:NAME, voc:FOLDER, coco:FOLDER_OR_JSON, yolo:FOLDER,
        folder:FOLDER, npz:FOLDER_OR_FILE or digits.
      split: "train", "validation", "test" (which also find val2017 and the like), or a
        part of one: "train[:90%]".
      task: "detection" or "classification". Where pictures have boxes, the class of
        the largest one is that of the picture; those without a box are left out.
      bad_data: "error", or "skip" to leave bad rows out (see Source.skipped).
      examples: how many to take, chosen with the seed; None for all. `scenes` draws as
        many as are asked for.

    Returns:
      A Source.

    Raises:
      BadData: what is wrong, with file, row and rule.
      ValueError: there is no such source, split or task; it names those there are.
    """
    if task not in TASKS:
        raise ValueError(f"no task {task!r}; data can be for {' or '.join(TASKS)}")
    problems = Problems(bad_data)
    kind, _, place = source.partition(":")
    if source == "scenes" or (kind == "tfds" and place):
        from kzoo.data import tfds  # Half a second that folders need not wait for.

        return tfds.open_source(source, split, task, problems, examples, seed)
    if source != "digits" and (kind not in [*FORMATS, "npz"] or not place):
        raise ValueError(f"no data source {source!r}; it can be {CHOICES}")
    form, its_task = FORMATS.get(kind, (None, "classification"))
    if task == "detection" and task != its_task:
        raise ValueError(f"{source} is data for {its_task}, not for {task}")
    if source == "digits":
        return arrays.open_digits(split, examples, seed)
    path = pathlib.Path(place).expanduser()
    if not path.exists():
        raise ValueError(f"{source}: there is no folder {str(path)!r}")
    if kind == "npz":
        return arrays.open_npz(source, path, split, examples, seed)
    if path.is_file() and kind != "coco":
        raise ValueError(f"{source}: {str(path)!r} is a file, not a folder")
    name, start, end = splits.parse(split)
    name = splits.find(name, form.splits(path), source)
    classes, records = form.load(path, name, problems)
    empty = []
    if task != its_task:
        records, empty = labelled(records)
    records = splits.cut(records, start, end)
    records = splits.choose(records, examples, seed, source)
    opened = Source(source, split, task, classes, records, len(records), problems)
    opened.skipped += empty
    return opened


def labelled(records):
    """(the Records with the class of their largest box, a Skipped for each without)."""
    kept, empty = [], []
    for record in records:
        if label_of_largest(record):
            kept.append(record)
        else:
            empty.append(Skipped(record.file, "", "it has no object, so no class"))
    return kept, empty


def label_of_largest(record):
    """Gives a Record the class of its largest box; whether there is one."""
    boxes = np.array(record.boxes, np.float64).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # A box that is not sound is told of later, with its row.
    areas = np.where(np.isfinite(areas) & ~np.array(record.crowd, bool), areas, -1.0)
    if not len(areas) or areas.max() <= 0:
        return False
    record.label = record.labels[int(np.argmax(areas))]
    return True
