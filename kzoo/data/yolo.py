"""YOLO folders: images/SPLIT and labels/SPLIT (or SPLIT/images and SPLIT/labels).

A line of a label file is "class x y width height", centre and size in 0..1 of the
picture; a line with more numbers is a polygon, of which the extent is taken. A picture
without a label file has no objects. Class names come from a *.yaml (`names`) or from
classes.txt.
"""

import numpy as np
import yaml

from kzoo.data.checks import BadData, number, read_text
from kzoo.data.folder import pictures_in
from kzoo.data.records import Record


def splits(folder):
    """The names of the splits; pictures right under images/ are "train"."""
    names = {path.name for path in (folder / "images").glob("*") if path.is_dir()}
    names |= {path.parent.name for path in folder.glob("*/images") if path.is_dir()}
    if not names and pictures_in(folder / "images"):
        return {"train"}
    return names


def load(folder, split, problems):
    """(class names, the Records of a split in alphabetical order)."""
    names = _class_names(folder)
    pictures, labels = _folders(folder, split)
    if not labels.is_dir():
        raise BadData(f"{labels}: there is no such folder of label files")
    records = []
    for picture in pictures_in(pictures):
        file = labels / picture.relative_to(pictures).with_suffix(".txt")
        record = Record(str(picture), str(picture), str(file), relative=True)
        try:
            lines = read_text(file).splitlines() if file.exists() else []
        except BadData as error:
            problems.add(file, "", str(error).removeprefix(f"{file}: "))
            continue
        for i, line in enumerate(lines, start=1):
            words = line.split()
            try:
                if words:
                    record.add(f"line {i}", _box(words), _label(words[0], names))
            except ValueError as error:
                problems.add(file, f"line {i}", str(error))
        records.append(record)
    return names, records


def _folders(folder, split):
    if (folder / split / "images").is_dir():
        return folder / split / "images", folder / split / "labels"
    if (folder / "images" / split).is_dir():
        return folder / "images" / split, folder / "labels" / split
    return folder / "images", folder / "labels"


def _class_names(folder):
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            names = (yaml.safe_load(read_text(file)) or {}).get("names")
        except (yaml.YAMLError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise BadData(f"{file}: this is not a YAML mapping: {reason}") from None
        if isinstance(names, dict):
            if set(names) != set(range(len(names))):
                raise BadData(f"{file}: names are numbered {list(names)}, not 0, 1..")
            names = [names[i] for i in range(len(names))]
        if names and not isinstance(names, list):
            raise BadData(f"{file}: names is {names!r}, not a list of names")
        if names:
            return [str(name) for name in names]
    file = folder / "classes.txt"
    if file.exists():
        return read_text(file).split("\n")[: len(read_text(file).splitlines())]
    raise BadData(f"{folder}: class names are missing: a *.yaml with names, or {file}")


def _label(word, names):
    label = number(word)
    if not label.is_integer() or not 0 <= label < len(names):
        raise ValueError(f"class {word} is not one of 0 to {len(names) - 1}")
    return int(label)


def _box(words):
    numbers = [number(word) for word in words[1:]]
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        x, y = numbers[::2], numbers[1::2]
        # NumPy's, since Python's pass over NaN.
        return [np.min(x), np.min(y), np.max(x), np.max(y)]
    if len(numbers) != 4:
        raise ValueError(f"it has {len(words)} words, not 5: class x y width height")
    x, y, width, height = numbers
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
