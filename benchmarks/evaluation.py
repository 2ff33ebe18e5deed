"""COCO's average precision of many pictures."""

import contextlib
import io

import numpy as np

from benchmarks.racing import race

PICTURES, CLASSES, OBJECTS, FOUND = 2000, 80, 8, 40


def pictures():
    """(targets, results) as `CocoEvaluator.update` takes them."""
    rng = np.random.default_rng(0)
    targets, results = [], []
    for _ in range(PICTURES):
        corners = rng.uniform(0, 400, (OBJECTS, 2))
        boxes = np.concatenate(
            [corners, corners + rng.uniform(8, 200, (OBJECTS, 2))], 1
        )
        labels = rng.integers(0, CLASSES, OBJECTS)
        targets.append({"boxes": boxes, "labels": labels})
        place = rng.integers(0, OBJECTS, FOUND)
        results.append(
            {
                "boxes": np.sort(
                    (boxes[place] + rng.normal(0, 8, (FOUND, 4))).reshape(-1, 2, 2), 1
                ).reshape(-1, 4),
                "scores": rng.uniform(0, 1, FOUND),
                "classes": labels[place],
            }
        )
    return targets, results


def ours():
    from kzoo.metrics.detection import CocoEvaluator

    targets, results = pictures()

    def run():
        evaluator = CocoEvaluator([str(i) for i in range(CLASSES)])
        evaluator.update(targets, results)
        return evaluator.result()["mAP"]

    return run


def pycocotools():
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    targets, results = pictures()

    def dataset(rows, key):
        annotations = []
        for image, row in enumerate(rows):
            scores = row.get("scores", np.ones(len(row["boxes"])))
            for box, label, score in zip(row["boxes"].tolist(), row[key], scores):
                x, y, right, bottom = box
                width, height = right - x, bottom - y
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": int(label),
                        "bbox": [x, y, width, height],
                        "area": width * height,
                        "iscrowd": 0,
                        "score": float(score),
                    }
                )
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(PICTURES)],
            "categories": [{"id": i} for i in range(CLASSES)],
            "annotations": annotations,
        }
        coco.createIndex()
        return coco

    def run():
        with contextlib.redirect_stdout(io.StringIO()):
            scorer = COCOeval(
                dataset(targets, "labels"), dataset(results, "classes"), "bbox"
            )
            scorer.evaluate()
            scorer.accumulate()
            scorer.summarize()
        return scorer.stats[0]

    return run


def races():
    ours_is, theirs_is = ours()(), pycocotools()()
    if abs(ours_is - theirs_is) > 1e-9:
        raise AssertionError(f"mAP {ours_is} against pycocotools' {theirs_is}")
    yield race(
        f"COCO mAP of {PICTURES} pictures, {FOUND} boxes found in each",
        {"kzoo": ours, "pycocotools": pycocotools},
        turns=3,
    )
