"""How well boxes were found: average precision as COCO and as Pascal VOC define it.

Both evaluators live outside the graph, on NumPy, and follow one protocol:
`update(targets, results)` for every batch, `result()` at the end. Both take one
dictionary a picture:

  targets: {"boxes": (M, 4), "labels": (M,), "crowd": (M,) bool}; "crowd" may be
    left out. It marks what is neither asked for nor punished: a region of many
    objects in COCO, a "difficult" object in VOC.
  results: {"boxes": (D, 4), "scores": (D,), "classes": (D,)}.

Boxes are xyxy in pixels of the picture; labels and classes run from 0. A picture
without boxes, or without detections, is told by empty arrays and must be told: a
detection in a picture without objects is a false one. Of detections with equal
scores the first given counts as the better one.

Where a number does not exist (no object of that class or size) it is None, so
that the result can be written as JSON.
"""

import numpy as np

COCO_NAMES = ("mAP", "AP50", "AP75", "APs", "APm", "APl")
COCO_NAMES += ("AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


class _DetectionEvaluator:
    """Checks pictures and keeps them; what is made of them is up to the heirs."""

    def __init__(self, class_names):
        self.class_names = [str(name) for name in class_names]
        if not self.class_names or len(set(self.class_names)) < len(self.class_names):
            raise ValueError(
                f"class_names must be different names, at least one: {class_names}"
            )
        self._targets, self._results = [], []

    def update(self, targets, results):
        """Adds a batch: two lists of dictionaries, one a picture.

        Raises:
          ValueError: names the picture, counted from the first one of all batches,
            and what is wrong with it. The evaluator then keeps nothing of the batch.
        """
        if len(targets) != len(results):
            raise ValueError(f"{len(targets)} targets but {len(results)} results")
        classes, first = len(self.class_names), len(self._targets)
        targets = [
            _target(target, classes, f"target of picture {first + i}")
            for i, target in enumerate(targets)
        ]
        results = [
            _result(result, classes, f"result of picture {first + i}")
            for i, result in enumerate(results)
        ]
        self._targets += targets
        self._results += results


class CocoEvaluator(_DetectionEvaluator):
    """The twelve numbers of COCO and the AP of every class.

    Equal to pycocotools, through faster-coco-eval. The sizes in APs, APm and APl
    are areas of boxes; COCO's own annotations state areas of masks, which are
    smaller, so these three differ a little from published ones. mAP does not.
    """

    def result(self):
        """Returns {"mAP", "AP50", ..., "ARl", "per_class": {name: AP}}."""
        stats, precision = self._evaluate()
        result = {name: _number(value) for name, value in zip(COCO_NAMES, stats)}
        # (thresholds, recalls, classes, areas, counts), -1 where there is no object.
        per_class = precision[:, :, :, 0, -1].mean(axis=(0, 1))
        names = self.class_names
        result["per_class"] = {n: _number(v) for n, v in zip(names, per_class)}
        return result

    def _evaluate(self):
        if not self._targets:
            return np.full(12, -1.0), np.full((1, 1, len(self.class_names), 1, 1), -1.0)
        # Imported late: it loads compiled code that only an evaluation needs.
        from faster_coco_eval import COCO, COCOeval_faster

        truths = COCO(self._dataset(self._targets))
        detections = COCO(self._dataset(self._results))
        evaluation = COCOeval_faster(truths, detections, "bbox")
        evaluation.run()
        return evaluation.stats[:12], evaluation.eval["precision"]

    def _dataset(self, pictures):
        """The dictionary that a COCO JSON file holds."""
        annotations = []
        for i, picture in enumerate(pictures):
            sizes = picture["boxes"][:, 2:] - picture["boxes"][:, :2]
            columns = {
                "bbox": np.concatenate([picture["boxes"][:, :2], sizes], axis=1),
                "area": sizes[:, 0] * sizes[:, 1],
                "category_id": picture["classes"],
                "iscrowd": picture["crowd"].astype(int),
                "score": picture["scores"],
            }
            for row in zip(*(column.tolist() for column in columns.values())):
                annotation = dict(zip(columns, row), image_id=i)
                # From 1: COCO's matching reads id 0 as "matched with nothing".
                annotation["id"] = len(annotations) + 1
                annotations.append(annotation)
        categories = [{"id": i, "name": n} for i, n in enumerate(self.class_names)]
        images = [{"id": i} for i in range(len(pictures))]
        return {"images": images, "categories": categories, "annotations": annotations}


class VocEvaluator(_DetectionEvaluator):
    """Pascal VOC's AP, Everingham et al. 2010, section 4.2, at one IoU threshold.

    metric "area" is the area below the precision envelope (VOC 2010 and later),
    "11point" the mean of the envelope at recalls 0, 0.1, ..., 1 (VOC 2007).

    One difference from the development kit: boxes here are continuous, so a side is
    x2 - x1 pixels long, where the kit's boxes name whole pixels, x2 - x1 + 1.
    """

    def __init__(self, class_names, iou=0.5, metric="area"):
        super().__init__(class_names)
        if metric not in _VOC_METRICS:
            raise ValueError(f"no metric {metric!r}; there are {list(_VOC_METRICS)}")
        if not 0 < iou <= 1:
            raise ValueError(f"iou must be above 0 and at most 1, not {iou}")
        self.iou, self.metric = iou, metric

    def result(self):
        """Returns {"mAP": mean of the classes that occur, "per_class": {name: AP}}."""
        per_class = {n: self._class_ap(i) for i, n in enumerate(self.class_names)}
        occurring = [ap for ap in per_class.values() if ap is not None]
        mean = float(np.mean(occurring)) if occurring else None
        return {"mAP": mean, "per_class": per_class}

    def _class_ap(self, label):
        scores, found, objects = [np.zeros(0)], [np.zeros(0, int)], 0
        for target, result in zip(self._targets, self._results):
            target = _rows(target, target["classes"] == label)
            result = _rows(result, result["classes"] == label)
            result = _rows(result, np.argsort(-result["scores"], kind="stable"))
            objects += int(np.sum(~target["crowd"]))
            scores.append(result["scores"])
            found.append(_voc_matches(target, result["boxes"], self.iou))
        if not objects:
            return None
        order = np.argsort(-np.concatenate(scores), kind="stable")
        found = np.concatenate(found)[order]
        found = found[found != _IGNORED]
        hits = np.cumsum(found == _HIT)
        precision = hits / np.arange(1, len(found) + 1)
        return _VOC_METRICS[self.metric](hits / objects, precision)


_MISS, _HIT, _IGNORED = 0, 1, 2


def _voc_matches(target, boxes, threshold):
    """What each of `boxes` (D, 4), best score first, is: hit, miss or ignored.

    A box asks only for the object that it overlaps most. If a better box has that
    one, it is a miss, even where it overlaps another object well.
    """
    found = np.full(len(boxes), _MISS)
    if not len(target["boxes"]):
        return found
    overlaps = _iou(boxes, target["boxes"])
    taken = np.zeros(len(target["boxes"]), bool)
    for i, best in enumerate(overlaps.argmax(axis=1)):
        if overlaps[i, best] < threshold:
            continue
        if target["crowd"][best]:
            found[i] = _IGNORED
        elif not taken[best]:
            found[i], taken[best] = _HIT, True
    return found


def _iou(a, b):
    """(N, 4), (M, 4) -> (N, M); 0 where a box has no area."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (a, b)]
    union = area[0][:, None] + area[1][None, :] - common
    return np.divide(common, union, out=np.zeros_like(common), where=common > 0)


def _area(recall, precision):
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def _eleven_points(recall, precision):
    # A whole number of tenths: 3 of 10 objects is 0.3, 3 * 0.1 is a little more.
    reached = [precision[recall >= tenth / 10] for tenth in range(11)]
    return float(np.mean([p.max(initial=0.0) for p in reached]))


_VOC_METRICS = {"area": _area, "11point": _eleven_points}


def _target(target, classes, place):
    boxes = _boxes(target, place)
    if np.any(boxes[:, 2:] < boxes[:, :2]):
        row = int(np.argmax(np.any(boxes[:, 2:] < boxes[:, :2], axis=1)))
        raise ValueError(
            f"{place}: box {row}, {boxes[row].tolist()}, ends before it begins; "
            "boxes are xyxy"
        )
    labels = _classes(target, "labels", len(boxes), classes, place)
    crowd = target.get("crowd")
    crowd = np.zeros(len(boxes), bool) if crowd is None else np.asarray(crowd, bool)
    _check_shape(crowd, "crowd", (len(boxes),), place)
    return {
        "boxes": boxes,
        "classes": labels,
        "crowd": crowd,
        "scores": np.ones(len(boxes)),
    }


def _result(result, classes, place):
    boxes = _boxes(result, place)
    # A network may predict a negative size; such a box covers nothing.
    boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:])
    ids = _classes(result, "classes", len(boxes), classes, place)
    scores = np.array(_field(result, "scores", place), "float64")
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
    wrong = [value for value in ids.tolist() if value not in range(classes)]
    if wrong:
        raise ValueError(
            f"{place}: {key} has {wrong[0]}, but there are {classes} classes, "
            f"0 to {classes - 1}"
        )
    return ids.astype("int64")


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


def _rows(picture, index):
    return {key: array[index] for key, array in picture.items()}


def _number(value):
    """COCO's -1, "there is no such object", as None."""
    return None if value < 0 else float(value)
