"""One folder a class: FOLDER/SPLIT/CLASS/*.jpg, or FOLDER/CLASS/*.jpg without splits.

Without splits each class gives a tenth of its pictures to validation and a tenth to
test, chosen by a fixed seed: whoever opens the folder finds the same.
"""

import numpy as np

from kzoo.data import splits as naming
from kzoo.data.records import Record

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
CUT = ("train", "validation", "test")


def splits(folder):
    """The names of the splits."""
    names = _split_folders(folder)
    return set(names) or set(CUT)


def load(folder, split, problems):
    """(class names in alphabetical order, the Records of a split)."""
    parts = _split_folders(folder) or [""]
    roots = [folder / part for part in parts]
    names = sorted({path.name for root in roots for path in _folders(root)})
    root = folder / split if parts != [""] else folder
    records = []
    for label, name in enumerate(names):
        files = pictures_in(root / name)
        if parts == [""]:
            files = _part(files, split)
        for file in files:
            record = Record(str(file.relative_to(folder)), str(file), str(file))
            record.label = label
            records.append(record)
    return names, records


def pictures_in(folder):
    """Its picture files, also in folders below, in alphabetical order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def _folders(root):
    return [p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")]


def _split_folders(folder):
    """The names of folders that are splits; none if there is no "train" among them."""
    names = sorted(path.name for path in _folders(folder))
    return names if "train" in map(naming.standard, names) else []


def _part(files, split):
    order = np.random.default_rng(0).permutation(len(files))
    tenth = round(len(files) / 10)
    ends = {"validation": (0, tenth), "test": (tenth, 2 * tenth)}
    start, end = ends.get(split, (2 * tenth, len(files)))
    return [files[i] for i in np.sort(order[start:end])]
