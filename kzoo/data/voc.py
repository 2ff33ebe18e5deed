"""PASCAL VOC folders: Annotations/*.xml, JPEGImages/*, ImageSets/Main/SPLIT.txt.

VOC counts pixels from 1 and its xmax is the last pixel inside (Everingham et al. 2010,
development kit, section 4.1), so a box becomes xmin - 1, ymin - 1, xmax, ymax: edges
between pixels. `difficult` objects are marked as crowd: neither learnt nor scored.
"""

import xml.etree.ElementTree as ElementTree

from kzoo.data.checks import BadData, number, read_text
from kzoo.data.records import Record

SIDES = ("xmin", "ymin", "xmax", "ymax")
# The last two are for an encoding that there is not, or that its reader has not.
UNREADABLE = (ElementTree.ParseError, LookupError, ValueError)


def splits(folder):
    """The names of the splits; without ImageSets all pictures are "train"."""
    names = {path.stem for path in (folder / "ImageSets" / "Main").glob("*.txt")}
    if any("_" in name for name in names):
        # VOC's own archives also list each class: aeroplane_train.txt.
        classes = set(_class_names(folder))
        names = {name for name in names if name.rpartition("_")[0] not in classes}
    return names or {"train"}


def load(folder, split, problems):
    """(class names, the Records of a split in the order of its list)."""
    for part in ("Annotations", "JPEGImages"):
        if not (folder / part).is_dir():
            raise BadData(f"{folder}: a VOC folder has a folder {part}")
    classes = _class_names(folder)
    pictures = {path.stem: path for path in (folder / "JPEGImages").iterdir()}
    records = []
    for stem in _stems(folder, split):
        file = folder / "Annotations" / f"{stem}.xml"
        picture = pictures.get(stem, folder / "JPEGImages" / f"{stem}.jpg")
        try:
            root = ElementTree.parse(file).getroot()
        except FileNotFoundError:
            problems.add(file, "", "there is no such annotation")
        except UNREADABLE as error:
            problems.add(file, "", f"this is not XML: {error}")
        else:
            record = Record(stem, str(picture), str(file), size=_size(root))
            _add_objects(record, root, classes, problems)
            records.append(record)
    return classes, records


def _class_names(folder):
    """All names in all annotations, in alphabetical order, as VOC's own are."""
    names = set()
    for path in (folder / "Annotations").glob("*.xml"):
        try:
            objects = ElementTree.parse(path).getroot().iter("object")
        except UNREADABLE:
            continue  # Told of if it belongs to the split.
        names |= {item.findtext("name") for item in objects}
    return sorted(filter(None, names))


def _add_objects(record, root, classes, problems):
    for i, item in enumerate(root.iter("object"), start=1):
        name = item.findtext("name")
        row = f"object {i} ({name})"
        difficult = item.findtext("difficult", "0").strip() == "1"
        try:
            if not name:
                raise ValueError("it has no name")
            record.add(row, _box(item), classes.index(name), difficult)
        except ValueError as error:
            problems.add(record.file, row, str(error))


def _stems(folder, split):
    file = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not file.exists():
        return sorted(path.stem for path in (folder / "Annotations").glob("*.xml"))
    lines = (line.split() for line in read_text(file).splitlines())
    return [words[0] for words in lines if words]


def _size(root):
    try:
        size = tuple(int(root.findtext(f"size/{side}")) for side in ("width", "height"))
    except (TypeError, ValueError):
        return None
    return size if all(size) else None  # Some tools write 0 for "not known".


def _box(item):
    sides = []
    for side in SIDES:
        text = item.findtext(f"bndbox/{side}")
        if text is None:
            raise ValueError(f"it has no bndbox/{side}")
        sides.append(number(text))
    return [sides[0] - 1, sides[1] - 1, sides[2], sides[3]]
