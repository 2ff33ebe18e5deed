"""COCO's and VOC's average precision, against pycocotools, hands and slow loops."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from kzoo.metrics.detection import COCO_NAMES, CocoEvaluator, VocEvaluator

NAMES = ["cat", "dog", "cow"]


def truth(*rows):
    """Rows of (x1, y1, x2, y2, label) or (..., crowd)."""
    table = np.array([(*row, 0)[:6] for row in rows], "float64").reshape(-1, 6)
    labels, crowd = table[:, 4].astype(int), table[:, 5].astype(bool)
    return {"boxes": table[:, :4], "labels": labels, "crowd": crowd}


def found(*rows):
    """Rows of (x1, y1, x2, y2, class, score)."""
    table = np.array(rows, "float64").reshape(-1, 6)
    classes = table[:, 4].astype(int)
    return {"boxes": table[:, :4], "classes": classes, "scores": table[:, 5]}


def pycocotools(targets, results, classes):
    """The same question put to pycocotools, category ids from 1 as COCO has them."""

    def dataset(pictures, key):
        annotations = []
        for image, picture in enumerate(pictures):
            for i, box in enumerate(np.asarray(picture["boxes"], "float64")):
                x, y, right, bottom = box.tolist()
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": 7 + image,
                        "category_id": int(picture[key][i]) + 1,
                        "bbox": [x, y, right - x, bottom - y],
                        "area": (right - x) * (bottom - y),
                        "iscrowd": (
                            int(picture["crowd"][i]) if "crowd" in picture else 0
                        ),
                        "score": (
                            float(picture["scores"][i]) if "scores" in picture else 1
                        ),
                    }
                )
        coco = COCO()
        coco.dataset = {
            "images": [{"id": 7 + i} for i in range(len(pictures))],
            "categories": [{"id": i + 1, "name": str(i)} for i in range(classes)],
            "annotations": annotations,
        }
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            dataset(targets, "labels"), dataset(results, "classes"), "bbox"
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        stats = evaluation.stats.tolist()
        per_class = []
        for k in range(classes):
            precision = evaluation.eval["precision"][:, :, k, 0, 2]
            valid = precision[precision > -1]
            per_class.append(float(np.mean(valid)) if valid.size else -1.0)
    return stats, per_class


def assert_equal_to_pycocotools(targets, results, names=NAMES):
    evaluator = CocoEvaluator(names)
    for i in range(0, len(targets), 3):  # batches of 3, and what is left
        evaluator.update(targets[i : i + 3], results[i : i + 3])
    ours = evaluator.result()
    stats, per_class = pycocotools(targets, results, len(names))
    ours_or_minus_one = [-1 if ours[n] is None else ours[n] for n in COCO_NAMES]
    np.testing.assert_allclose(ours_or_minus_one, stats, rtol=0, atol=1e-12)
    ours_per_class = [ours["per_class"][name] for name in names]
    ours_per_class = [-1 if ap is None else ap for ap in ours_per_class]
    np.testing.assert_allclose(ours_per_class, per_class, rtol=0, atol=1e-12)
    json.dumps(ours, allow_nan=False)
    return ours


def random_pictures(seed, pictures=12, classes=3, ties=False, most=8, size=300):
    """Objects, and detections that are moved objects, repeated ones or noise."""
    rng = np.random.default_rng(seed)
    targets, results = [], []
    for _ in range(pictures):
        count = rng.integers(0, most)
        corner = rng.uniform(0, size / 2, (count, 2))
        sides = np.exp(rng.uniform(0, np.log(size), (count, 2)))
        boxes = np.concatenate([corner, corner + sides], axis=1)
        labels = rng.integers(0, classes, count)
        crowd = rng.random(count) < 0.15
        targets.append({"boxes": boxes, "labels": labels, "crowd": crowd})
        chosen = rng.integers(0, count, rng.integers(0, 3 * most)) if count else []
        chosen = np.asarray(chosen, int)
        noise = rng.normal(0, 0.06, (len(chosen), 4)) * np.tile(sides[chosen], 2)
        moved = np.sort((boxes[chosen] + noise).reshape(-1, 2, 2), axis=1)
        guesses = rng.integers(0, classes, len(chosen))
        right = rng.random(len(chosen)) < 0.8
        scores = rng.random(len(chosen))
        results.append(
            {
                "boxes": moved.reshape(-1, 4),
                "classes": np.where(right, labels[chosen], guesses),
                "scores": np.round(scores, 1) if ties else scores,
            }
        )
    return targets, results


A, B = (0, 0, 10, 10), (20, 20, 60, 60)
FIXTURES = {
    "class 0 only": ([truth((*A, 0))], [found((*A, 0, 0.9))]),
    "a picture without objects": (
        [truth((*A, 0)), truth()],
        [found((*A, 0, 0.8)), found((*A, 0, 0.9))],
    ),
    "a picture without detections": (
        [truth((*A, 1)), truth((*B, 1))],
        [found((*A, 1, 0.8)), found()],
    ),
    "no detections": ([truth((*A, 0), (*B, 1))] * 2, [found()] * 2),
    "no objects": ([truth()] * 2, [found((*A, 0, 0.5)), found()]),
    "nothing at all": ([truth()], [found()]),
    "all crowds": ([truth((*A, 0, 1))], [found((*A, 0, 0.5))]),
    "a crowd swallows many": (
        [truth((0, 0, 100, 100, 0, 1), (*B, 0))],
        [found((*B, 0, 0.7), (5, 5, 15, 15, 0, 0.9), (50, 0, 90, 30, 0, 0.8))],
    ),
    "a zero-area object": (
        [truth((5, 5, 5, 5, 0), (*B, 0))],
        [found((5, 5, 5, 5, 0, 0.9), (*B, 0, 0.8), (5, 5, 5, 9, 1, 0.3))],
    ),
    "ties": (
        [truth((*A, 0), (*B, 0))],
        [found((1, 1, 12, 12, 0, 0.5), (*B, 0, 0.5), (*A, 0, 0.5), (*A, 1, 0.5))],
    ),
    "ties over pictures": (
        [truth((*A, 0)), truth((*B, 0))],
        [found((*B, 0, 0.5), (*A, 0, 0.5)), found((*A, 0, 0.5), (*B, 0, 0.5))],
    ),
    "an object found twice": (
        [truth((*A, 0))],
        [found((*A, 0, 0.5), (*A, 0, 0.9))],
    ),
    "areas on the borders of the sizes": (
        [truth((0, 0, 32, 32, 0), (0, 0, 96, 96, 0), (0, 0, 96, 97, 1))],
        [found((0, 0, 32, 32, 0, 0.9), (0, 0, 96, 96, 0, 0.8))],
    ),
}


@pytest.mark.parametrize("name", FIXTURES)
def test_coco_equals_pycocotools_on_nasty_fixtures(name):
    assert_equal_to_pycocotools(*FIXTURES[name])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_coco_equals_pycocotools_on_random_pictures(seed, ties):
    assert_equal_to_pycocotools(*random_pictures(seed, ties=ties))


def test_coco_equals_pycocotools_with_more_than_100_detections():
    targets, results = random_pictures(3, pictures=2, most=120)
    assert max(len(result["boxes"]) for result in results) > 200
    assert_equal_to_pycocotools(targets, results)


def test_coco_counts_the_hundred_best_only():
    """The one right box comes 101st."""
    misses = [(200 + i, 0, 210 + i, 10, 0, 0.9) for i in range(100)]
    results = [found(*misses, (*A, 0, 0.1))]
    assert assert_equal_to_pycocotools([truth((*A, 0))], results)["AR100"] == 0


def test_coco_of_perfect_detections_is_one():
    result = assert_equal_to_pycocotools(
        [truth((*A, 0), (*B, 2))], [found((*A, 0, 0.9), (*B, 2, 0.3))]
    )
    assert result["mAP"] == pytest.approx(1) and result["AR1"] == 1
    assert result["per_class"] == {"cat": pytest.approx(1), "dog": None, "cow": 1}
    assert result["APl"] is None  # nothing that large


def test_coco_of_no_pictures_is_none():
    result = CocoEvaluator(NAMES).result()
    assert set(result) == {*COCO_NAMES, "per_class"}
    assert all(result[name] is None for name in COCO_NAMES)
    assert result["per_class"] == dict.fromkeys(NAMES)


def test_a_picture_without_objects_lowers_the_score():
    """One hit of two detections, the miss first: precision 1/2 at every recall."""
    result = assert_equal_to_pycocotools(*FIXTURES["a picture without objects"])
    assert result["mAP"] == pytest.approx(0.5)


def test_coco_prints_nothing(capfd):
    assert_equal_to_pycocotools(*random_pictures(0))
    assert capfd.readouterr() == ("", "")


# ---- Pascal VOC


def voc(targets, results, names=NAMES, **arguments):
    evaluator = VocEvaluator(names, **arguments)
    evaluator.update(targets, results)
    result = evaluator.result()
    json.dumps(result, allow_nan=False)
    return result


# One picture with four cats. The detections, best first, are: hit, miss, hit, miss,
# miss, hit; so precision is 1, 1/2, 2/3, 2/4, 2/5, 3/6 at recall .25 .25 .5 .5 .5 .75.
FOUR_CATS = [truth(*((20 * i, 0, 20 * i + 10, 10, 0) for i in range(4)))]
SIX_FOUND = [
    found(
        (0, 0, 10, 10, 0, 0.9),
        (0, 50, 10, 60, 0, 0.8),
        (20, 0, 30, 10, 0, 0.7),
        (20, 0, 30, 10, 0, 0.6),  # that cat is found already
        (40, 0, 44, 10, 0, 0.5),  # IoU 0.4
        (60, 0, 65, 10, 0, 0.4),  # IoU 0.5: just enough
    )
]


def test_voc_area_by_hand():
    result = voc(FOUR_CATS, SIX_FOUND)
    assert result["mAP"] == pytest.approx(0.25 * (1 + 2 / 3 + 1 / 2))
    assert result["per_class"] == {"cat": result["mAP"], "dog": None, "cow": None}


def test_voc_eleven_points_by_hand():
    """Recalls 0, .1, .2 have precision 1; .3, .4, .5 2/3; .6, .7 1/2; the rest 0."""
    result = voc(FOUR_CATS, SIX_FOUND, metric="11point")
    assert result["mAP"] == pytest.approx((3 * 1 + 3 * 2 / 3 + 2 * 1 / 2) / 11)


def test_voc_eleven_points_reaches_each_tenth_exactly():
    """Three of ten found, all right: recalls 0, .1, .2 and .3 are reached."""
    boxes = [(20 * i, 0, 20 * i + 10, 10, 0) for i in range(10)]
    results = [found(*((*box, 0.9) for box in boxes[:3]))]
    result = voc([truth(*boxes)], results, metric="11point")
    assert result["mAP"] == pytest.approx(4 / 11)


def test_voc_forgets_difficult_objects_and_what_finds_them():
    targets = [truth((*A, 0, 1), (*B, 0))]
    assert voc(targets, [found((*A, 0, 0.9), (*B, 0, 0.8))])["mAP"] == 1
    assert voc(targets, [found((*B, 0, 0.8))])["mAP"] == 1
    assert voc([truth((*A, 0, 1))], [found((*A, 0, 0.9))])["mAP"] is None


def test_voc_box_asks_only_for_the_object_it_overlaps_most():
    """Both boxes overlap the left cat most; the second gets no other one."""
    targets = [truth((0, 0, 10, 10, 0), (2, 0, 12, 10, 0))]
    results = [found((0, 0, 10, 10, 0, 0.9), (0, 0, 11, 10, 0, 0.8))]
    assert voc(targets, results)["mAP"] == pytest.approx(0.5)


def test_voc_without_pictures_objects_or_detections():
    assert VocEvaluator(NAMES).result()["mAP"] is None
    assert voc([truth()], [found((*A, 0, 0.9))])["mAP"] is None
    assert voc([truth((*A, 0))], [found()])["mAP"] == 0
    assert voc([truth((5, 5, 5, 5, 0))], [found((5, 5, 5, 5, 0, 1.0))])["mAP"] == 0


def slow_voc_ap(targets, results, label, threshold, metric):
    """The development kit's steps, one loop at a time, with Python's own numbers."""
    detections, objects = [], 0
    for image, (target, result) in enumerate(zip(targets, results)):
        rows = zip(target["labels"], target["crowd"])
        objects += sum(1 for name, crowd in rows if name == label and not crowd)
        for box, name, score in zip(
            *(result[k] for k in ("boxes", "classes", "scores"))
        ):
            if name == label:
                detections.append((image, score, box))
    if objects == 0:
        return None
    detections.sort(key=lambda row: -row[1])
    used, curve, hits, misses = set(), [], 0, 0
    for image, _, box in detections:
        best, best_row = 0, None
        target = targets[image]
        for row, other in enumerate(target["boxes"]):
            if target["labels"][row] != label:
                continue
            width = min(box[2], other[2]) - max(box[0], other[0])
            height = min(box[3], other[3]) - max(box[1], other[1])
            if width <= 0 or height <= 0:
                continue
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
            iou = width * height / (sum(areas) - width * height)
            if iou > best:
                best, best_row = iou, row
        if best < threshold:
            misses += 1
        elif target["crowd"][best_row]:
            continue
        elif (image, best_row) in used:
            misses += 1
        else:
            used.add((image, best_row))
            hits += 1
        curve.append((hits / objects, hits / (hits + misses)))

    def best_precision(recall):
        return max([p for r, p in curve if r >= recall], default=0)

    if metric == "11point":
        return sum(best_precision(i / 10) for i in range(11)) / 11
    recalls = sorted({r for r, _ in curve} | {0})
    steps = zip(recalls, recalls[1:])
    return sum((high - low) * best_precision(high) for low, high in steps)


@pytest.mark.parametrize("metric", ["area", "11point"])
@pytest.mark.parametrize("seed", range(6))
def test_voc_equals_a_slow_loop(seed, metric):
    targets, results = random_pictures(seed, ties=seed % 2 == 1)
    for threshold in (0.5, 0.75):
        ours = voc(targets, results, iou=threshold, metric=metric)["per_class"]
        for label, name in enumerate(NAMES):
            slow = slow_voc_ap(targets, results, label, threshold, metric)
            assert ours[name] == pytest.approx(slow, abs=1e-12)


def test_voc_area_is_close_to_coco_ap50():
    """The same question, asked at 101 recalls; crowds and sizes left out."""
    targets, results = random_pictures(0, pictures=40)
    targets = [{**t, "crowd": np.zeros(len(t["labels"]), bool)} for t in targets]
    evaluator = CocoEvaluator(NAMES)
    evaluator.update(targets, results)
    ap50 = evaluator.result()["AP50"]
    assert voc(targets, results)["mAP"] == pytest.approx(ap50, abs=0.02)


# ---- Input

EVALUATORS = [CocoEvaluator, VocEvaluator]
BAD = {
    "boxes that are no rows of four": (
        {"boxes": np.zeros((4, 3)), "labels": np.zeros(4)},
        found(),
        r"target of picture 1: boxes must have shape \(N, 4\), not \(4, 3\)",
    ),
    "a label too many": (
        {"boxes": [A], "labels": [0, 1]},
        found(),
        r"labels must have shape \(1,\), as there are 1 boxes, not \(2,\)",
    ),
    "a label out of range": (truth((*A, 3)), found(), "labels: 3 is no class; there"),
    "a negative label": (truth((*A, -1)), found(), "labels: -1 is no class"),
    "half a label": (
        {"boxes": [A], "labels": [0.5]},
        found(),
        "labels: 0.5 is no class",
    ),
    "a class out of range": (
        truth(),
        found((*A, 3, 0.5)),
        "result of picture 1: classes: 3 is no class; there are 3, 0 to 2",
    ),
    "xywh": (truth((50, 50, 10, 10, 0)), found(), "box 0, .*, ends before it begins"),
    "NaN in an object": (truth((0, 0, np.nan, 1, 0)), found(), "boxes row 0 is not"),
    "NaN in a detection": (truth(), found((0, 0, np.nan, 1, 0, 1)), "is not finite"),
    "NaN score": (truth(), found((*A, 0, np.nan)), "scores row 0 is not finite: nan"),
    "no scores": (truth(), truth(), "no 'classes'; it has boxes, labels, crowd"),
}


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_and_not_kept(name, evaluator):
    target, result, message = BAD[name]
    evaluator = evaluator(NAMES)
    with pytest.raises(ValueError, match=message):
        evaluator.update([truth((*A, 0)), target], [found((*A, 0, 0.9)), result])
    evaluator.update([truth((*A, 0))], [found((*A, 0, 0.9))])
    assert evaluator.result()["mAP"] == pytest.approx(1)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_as_many_results_as_targets(evaluator):
    with pytest.raises(ValueError, match="2 targets but 1 results"):
        evaluator(NAMES).update([truth(), truth()], [found()])


@pytest.mark.parametrize("names", [[], ["cat", "cat"]])
@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_class_names_must_differ(evaluator, names):
    with pytest.raises(ValueError, match="class_names must be different"):
        evaluator(names)


def test_voc_names_its_metrics():
    with pytest.raises(ValueError, match="no metric 'auc'; there are .*area.*11point"):
        VocEvaluator(NAMES, metric="auc")
    with pytest.raises(ValueError, match="iou must be above 0 and at most 1, not 50"):
        VocEvaluator(NAMES, iou=50)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_empty_lists_and_a_missing_crowd_are_fine(evaluator):
    evaluator = evaluator(NAMES)
    empty = {"boxes": [], "scores": [], "classes": []}
    evaluator.update([{"boxes": [], "labels": []}], [empty])
    evaluator.update([{"boxes": [A], "labels": [0]}], [empty])
    assert evaluator.result()["mAP"] == 0


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_a_box_of_negative_size_finds_nothing_and_is_left_as_it_was(evaluator):
    evaluator, result = evaluator(NAMES), found((10, 10, 0, 0, 0, 0.9))
    evaluator.update([truth((*A, 0))], [result])
    assert evaluator.result()["mAP"] == 0
    assert result["boxes"].tolist() == [[10, 10, 0, 0]]


def test_asking_twice_and_going_on_changes_nothing():
    targets, results = random_pictures(1)
    evaluator = CocoEvaluator(NAMES)
    evaluator.update(targets[:6], results[:6])
    assert evaluator.result() == evaluator.result()
    evaluator.update(targets[6:], results[6:])
    whole = CocoEvaluator(NAMES)
    whole.update(targets, results)
    assert evaluator.result() == whole.result()
