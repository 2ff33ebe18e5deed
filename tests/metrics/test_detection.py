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
