"""From a source string to a Source."""

import pathlib

from kzoo.data import coco, folder, splits, voc, yolo
from kzoo.data.checks import Problems
from kzoo.data.source import TASKS, Source

CHOICES = (
    "scenes, tfds:NAME, voc:FOLDER, coco:FOLDER_OR_JSON, yolo:FOLDER, folder:FOLDER"
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
      source: scenes, tfds:NAME, voc:FOLDER, coco:FOLDER_OR_JSON, yolo:FOLDER or
        folder:FOLDER.
      split: "train", "validation", "test" (which also find val2017 and the like), or a
        part of one: "train[:90%]".
      task: "detection" or "classification".
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
    if kind not in FORMATS or not place:
        raise ValueError(f"no data source {source!r}; it can be {CHOICES}")
    form, its_task = FORMATS[kind]
    if task != its_task:
        raise ValueError(f"{source} is data for {its_task}, not for {task}")
    path = pathlib.Path(place).expanduser()
    if not path.exists():
        raise ValueError(f"{source}: there is no folder {str(path)!r}")
    if path.is_file() and kind != "coco":
        raise ValueError(f"{source}: {str(path)!r} is a file, not a folder")
    name, start, end = splits.parse(split)
    name = splits.find(name, form.splits(path), source)
    classes, records = form.load(path, name, problems)
    records = splits.cut(records, start, end)
    records = splits.choose(records, examples, seed, source)
    return Source(source, split, task, classes, records, len(records), problems)
