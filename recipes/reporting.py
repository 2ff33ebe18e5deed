"""What is made of a trained classifier: pictures, scores, report.json."""

import time

import numpy as np
import tensorflow as tf
from absl import flags

import kzoo
from kzoo import draw_labels
from kzoo.ensembles import VIEWS, seen_as
from kzoo.metrics.confusion import confusion, cross_entropy
from kzoo.train.workdir import write_json
from recipes import common, shipping

TTA = flags.DEFINE_enum(
    "tta", "none", list(VIEWS), "Views of a picture whose answers the report averages."
)
PICTURES = 24  # in predictions.png


class Answers:
    """An evaluator that keeps what a classifier answered: labels, scores."""

    def __init__(self):
        self.labels, self.scores = [], []

    def update(self, labels, results):
        self.labels += [int(label) for label in labels]
        self.scores += [result["scores"] for result in results]

    def result(self):
        return np.array(self.labels), np.array(self.scores)


def report(workdir, learn, check, scores, began):
    """What is made of the best model: pictures, files that ship, report.json."""
    best = kzoo.load(workdir.model)
    evaluate = common.evaluation(best, tf.distribute.get_strategy(), check)
    labels, probabilities = evaluate(Answers())
    answers = probabilities.argmax(-1)
    matrix = confusion(labels, answers, len(check.class_names))
    draw_labels.confusion(matrix, check.class_names, workdir.confusion)
    draw_predictions(best, check, labels, answers, workdir.predictions)
    figures = {
        **scores,
        "loss": cross_entropy(labels, probabilities),
        "confusion": matrix.tolist(),
        "formats": shipping.ship(best, learn, check, workdir.export, "top1"),
        "parameters": best.count_params(),
    }
    if TTA.value != "none":
        figures["tta"] = {"views": TTA.value, **tta_scores(best, check)}
    figures |= {"seconds": time.monotonic() - began, **common.versions()}
    write_json(workdir.report, figures)
    views = f", {figures['tta']['top1']:.4f} by {TTA.value}" if "tta" in figures else ""
    print(f"top1 {scores['top1']:.4f}{views}; everything is in {workdir.folder}")


def draw_predictions(model, source, labels, answers, path):
    """Some pictures of `source` with their truth and the answer, wrong ones first."""
    wrong = np.flatnonzero(labels != answers)[: PICTURES // 3]
    right = np.flatnonzero(labels == answers)
    spread = np.linspace(0, len(right) - 1, min(len(right), PICTURES - len(wrong)))
    rows = np.concatenate([wrong, right[spread.astype(int)]]).astype(int)
    images = [example["image"] for example in source.read(rows)]
    found = kzoo.predict(model, images)
    draw_labels.gallery(images, labels[rows].tolist(), found, source.class_names, path)


def tta_scores(model, source, together=32):
    """The scores of the mean over several views of each picture."""
    predict = seen_as(
        lambda views: kzoo.predict(model, views, batch_size=together),
        TTA.value,
        source.class_names,
    )
    evaluator, examples = model.task.evaluator(), []
    for number, example in enumerate(source.read(), start=1):
        examples.append(example)
        if len(examples) == together or number == len(source):
            found = predict([example["image"] for example in examples])
            evaluator.update([example["label"] for example in examples], found)
            examples = []
    scores = evaluator.result()
    return {name: scores[name] for name in ("top1", "top5")}
