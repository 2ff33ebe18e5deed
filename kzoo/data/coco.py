"""COCO JSON (https://cocodataset.org/#format-data): boxes as x, y, width, height.

Takes a JSON file, or a folder with annotations/instances_SPLIT.json and the pictures in
SPLIT or images/SPLIT, or one with SPLIT/_annotations.coco.json beside its pictures.
Category ids may have gaps; labels are their ranks.
"""

import json

from kzoo.data.checks import BadData, number
from kzoo.data.records import Record

PREFIX = "instances_"
BESIDE = "_annotations.coco.json"


def splits(folder):
    """The names of the splits. A JSON file alone is "train"."""
    return set(_files(folder))


def load(folder, split, problems):
    """(class names, the Records of a split in the order of its pictures)."""
    file = _files(folder)[split]
    data = _read(file)
    labels, names = _categories(data, file)
    records = _records(data["images"], file, split, problems)
    seen = set()
    for i, row in enumerate(data["annotations"]):
        where = f"annotations[{i}]"
        if not isinstance(row, dict):
            problems.add(file, where, f"it is {row!r}, not an object")
            continue
        try:
            where += f" (id {row['id']})"
            for name in ("id", "image_id", "category_id"):
                _check_id(row[name], name)
            if row["id"] in seen:
                raise ValueError("the id is used twice")
            seen.add(row["id"])
            record = records.get(row["image_id"])
            if record is None:
                raise ValueError(f"there is no picture with id {row['image_id']!r}")
            if row["category_id"] not in labels:
                raise ValueError(f"there is no category {row['category_id']!r}")
            label = labels[row["category_id"]]
            crowd = number(row.get("iscrowd") or 0)
            record.add(where, _box(row["bbox"]), label, crowd)
        except KeyError as error:
            problems.add(file, where, f"it has no {error}")
        except ValueError as error:
            problems.add(file, where, str(error))
    return names, list(records.values())


def _files(folder):
    """{split: its JSON file}."""
    if folder.is_file():
        return {"train": folder}
    files = {path.parent.name: path for path in folder.glob(f"*/{BESIDE}")}
    for path in (folder / "annotations").glob("*.json"):
        # captions_*.json and the like have no boxes.
        if path.name.startswith(PREFIX):
            files[path.stem.removeprefix(PREFIX)] = path
    return files or {path.stem: path for path in folder.glob("annotations/*.json")}


def _read(file):
    try:
        data = json.loads(file.read_text())
    except (ValueError, RecursionError) as error:
        raise BadData(f"{file}: this is not JSON: {error}") from None
    if isinstance(data, dict):
        data.setdefault("annotations", [])  # As in the lists of COCO's test pictures.
    for name in ("images", "categories", "annotations"):
        if not isinstance(data, dict) or not isinstance(data.get(name), list):
            raise BadData(f"{file}: this is not COCO JSON: it has no list {name!r}")
    return data


def _categories(data, file):
    """({category id: label}, names), in the order of the ids."""
    try:
        names = {row["id"]: str(row["name"]) for row in data["categories"]}
    except (KeyError, TypeError):
        raise BadData(f"{file}: a category needs an id and a name") from None
    if len({type(id) for id in names}) > 1:
        shown = ", ".join(map(repr, names))
        raise BadData(f"{file}: ids of categories are of one type, not {shown}")
    if len(names) < len(data["categories"]):
        raise BadData(f"{file}: two categories have one id")
    order = sorted(names)
    return {id: label for label, id in enumerate(order)}, [names[id] for id in order]


def _records(images, file, split, problems):
    """{picture id: Record}."""
    records = {}
    folder = _pictures(images, file, split)
    for i, row in enumerate(images):
        where = f"images[{i}]"
        if not _names_a_file(row):
            problems.add(file, where, "it needs an id and a file_name")
        elif row["id"] in records:
            problems.add(file, where, f"the id {row['id']!r} is used twice")
        else:
            size = (row.get("width"), row.get("height"))
            record = Record(row["file_name"], str(folder / row["file_name"]), str(file))
            record.size = size if all(size) else None
            records[row["id"]] = record
    return records


def _names_a_file(row):
    return (
        isinstance(row, dict)
        and isinstance(row.get("id"), (int, float, str))
        and isinstance(row.get("file_name"), str)
    )


def _pictures(images, file, split):
    """The folder in which the first picture lies."""
    root = file.parent.parent if file.parent.name == "annotations" else file.parent
    places = [file.parent, root / split, root / "images" / split, root / "images", root]
    year = split if split != "train" else file.stem.removeprefix(PREFIX)
    places += [root / year, root / "images" / year]
    names = [row["file_name"] for row in images if _names_a_file(row)][:1]
    for place in places:
        if all((place / name).is_file() for name in names):
            return place
    tried = ", ".join(str(place) for place in dict.fromkeys(places))
    raise BadData(f"{file}: its picture {names[0]!r} is in none of {tried}")


def _check_id(id, name):
    if isinstance(id, (list, dict)):
        raise ValueError(f"{name} is {id!r}, not a number or a word")


def _box(bbox):
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise ValueError(f"bbox is {bbox!r}, not [x, y, width, height]")
    x, y, width, height = map(number, bbox)
    return [x, y, x + width, y + height]
