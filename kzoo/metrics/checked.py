"""What evaluators are given, in one form, or an error that says what is wrong.

A picture becomes {"boxes": (N, 4) float64, "classes": (N,) int64, "crowd": (N,) bool,
"scores": (N,) float64}, whether it is a target or a result. `place` names it in errors.
"""

import numpy as np


def class_names(names):
    """A list of strings; an error where they are none, or two are the same."""
    checked = [str(name) for name in names]
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"class_names must be different names, at least one: {names}")
    return checked


def target(given, classes, place):
    """The objects of a picture: {"boxes", "labels", perhaps "crowd"}."""
    boxes = _boxes(given, place)
    if np.any(boxes[:, 2:] < boxes[:, :2]):
        row = int(np.argmax(np.any(boxes[:, 2:] < boxes[:, :2], axis=1)))
        raise ValueError(
            f"{place}: box {row}, {boxes[row].tolist()}, ends before it begins; "
            "boxes are xyxy"
        )
    labels = _classes(given, "labels", len(boxes), classes, place)
    crowd = given.get("crowd")
    crowd = np.zeros(len(boxes), bool) if crowd is None else np.asarray(crowd, bool)
    _check_shape(crowd, "crowd", (len(boxes),), place)
    return {
        "boxes": boxes,
        "classes": labels,
        "crowd": crowd,
        "scores": np.ones(len(boxes)),
    }


def result(given, classes, place):
    """The detections of a picture: {"boxes", "scores", "classes"}."""
    boxes = _boxes(given, place)
    # A network may predict a negative size; such a box covers nothing.
    boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:])
    ids = _classes(given, "classes", len(boxes), classes, place)
    scores = np.array(_field(given, "scores", place), "float64")
    _check_shape(scores, "scores", (len(boxes),), place)
    _check_finite(scores, "scores", place)
    crowd = np.zeros(len(boxes), bool)
    return {"boxes": boxes, "classes": ids, "crowd": crowd, "scores": scores}


def _boxes(picture, place):
    boxes = np.array(_field(picture, "boxes", place), "float64")
    if not boxes.size and boxes.ndim == 1:  # an empty list
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{place}: boxes must have shape (N, 4), not {boxes.shape}")
    _check_finite(boxes, "boxes", place)
    return boxes


def _classes(picture, key, count, classes, place):
    ids = np.asarray(_field(picture, key, place))
    _check_shape(ids, key, (count,), place)
    check_range(ids, classes, f"{place}: {key}")
    return ids.astype("int64")


def check_range(ids, classes, place):
    wrong = [value for value in ids.tolist() if value not in range(classes)]
    if wrong:
        raise ValueError(
            f"{place}: {wrong[0]} is no class; there are {classes}, 0 to {classes - 1}"
        )


def _field(picture, key, place):
    if key not in picture:
        raise ValueError(
            f"{place}: no {key!r}; it has {', '.join(picture) or 'nothing'}"
        )
    return picture[key]


def _check_shape(array, key, shape, place):
    if array.shape != shape:
        raise ValueError(
            f"{place}: {key} must have shape {shape}, as there are {shape[0]} boxes, "
            f"not {array.shape}"
        )


def _check_finite(array, key, place):
    if not np.all(np.isfinite(array)):
        row = int(np.argmin(np.isfinite(array).reshape(len(array), -1).all(axis=1)))
        raise ValueError(
            f"{place}: {key} row {row} is not finite: {array[row].tolist()}"
        )
