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

import logging

import numpy as np

from kzoo.metrics import checked

COCO_NAMES = ("mAP", "AP50", "AP75", "APs", "APm", "APl")
COCO_NAMES += ("AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


class _DetectionEvaluator:
    """Checks pictures and keeps them until the result is asked for."""

    def __init__(self, class_names):
        self.class_names = checked.class_names(class_names)
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
            checked.target(target, classes, f"target of picture {first + i}")
            for i, target in enumerate(targets)
        ]
        results = [
            checked.result(result, classes, f"result of picture {first + i}")
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

        # It reports every number as an INFO message, which absl's programs show.
        logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)
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
        scores, found, objects = self._matched()
        curves = map(_curve, scores, found, objects)
        aps = [curve and _VOC_METRICS[self.metric](*curve) for curve in curves]
        occurring = [ap for ap in aps if ap is not None]
        mean = float(np.mean(occurring)) if occurring else None
        return {"mAP": mean, "per_class": dict(zip(self.class_names, aps))}

    def _matched(self):
        """For every class the scores of its boxes, what they are, and its objects."""
        scores = [[np.zeros(0)] for _ in self.class_names]
        found = [[np.zeros(0, int)] for _ in self.class_names]
        objects = [0] * len(self.class_names)
        for target, result in zip(self._targets, self._results):
            for label in np.union1d(target["classes"], result["classes"]):
                wanted = _rows(target, target["classes"] == label)
                boxes = _rows(result, result["classes"] == label)
                boxes = _rows(boxes, np.argsort(-boxes["scores"], kind="stable"))
                scores[label].append(boxes["scores"])
                found[label].append(_voc_matches(wanted, boxes["boxes"], self.iou))
                objects[label] += int(np.sum(~wanted["crowd"]))
        return map(np.concatenate, scores), map(np.concatenate, found), objects


def _curve(scores, found, objects):
    """Recall and precision after each box, best first; None without objects."""
    if not objects:
        return None
    found = found[np.argsort(-scores, kind="stable")]
    found = found[found != _IGNORED]
    hits = np.cumsum(found == _HIT)
    return hits / objects, hits / np.arange(1, len(found) + 1)


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


def _rows(picture, index):
    return {key: array[index] for key, array in picture.items()}


def _number(value):
    """COCO's -1, "there is no such object", as None."""
    return None if value < 0 else float(value)
