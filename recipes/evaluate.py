r"""Scores a model on a data set: a detector as COCO and Pascal VOC do, a classifier by
how often the right class is named.

    python -m recipes.evaluate --model=runs/first
    python -m recipes.evaluate --model=runs/first/export/model_int8.tflite \
        --data=voc:/my/data --split=test --output=scores.json
    python -m recipes.evaluate --model=runs/a,runs/b --data=digits --tta=flip

A model is a run, a saved model or any exported file. Of several classifiers, and of
several views of a picture (--tta), the probabilities are averaged.
"""

import itertools
import json
import pathlib

from absl import flags
from tqdm import tqdm

from kzoo import data
from kzoo.ensembles import VIEWS
from kzoo.metrics.classification import AccuracyEvaluator
from kzoo.metrics.confusion import cross_entropy
from kzoo.metrics.detection import CocoEvaluator, VocEvaluator
from recipes import program
from recipes.opening import open_models

MODEL = flags.DEFINE_list(
    "model", None, "Run, model or exported file; several classifiers with commas."
)
TTA = flags.DEFINE_enum(
    "tta", "none", list(VIEWS), "Views of a picture whose answers are averaged."
)
DATA = flags.DEFINE_string("data", "scenes", "Where pictures come from.")
SPLIT = flags.DEFINE_string("split", "validation", "Which part of --data.")
EXAMPLES = flags.DEFINE_integer("examples", None, "How many pictures.", lower_bound=1)
BAD_DATA = flags.DEFINE_enum(
    "bad_data", "error", ["error", "skip"], "What to do about broken rows."
)
OUTPUT = flags.DEFINE_string("output", None, "JSON file for the scores.")
TOGETHER = 16


def answered(predict, source):
    """Yields ([example, ...], [answer, ...]), some pictures at a time."""
    examples = iter(
        tqdm(source.read(), total=len(source), unit="picture", disable=None)
    )
    while some := list(itertools.islice(examples, TOGETHER)):
        yield some, predict([example["image"] for example in some])


def detection_scores(predict, source):
    """{"mAP": ..., "VOC": ..., "per_class": ...} of a function of pictures."""
    coco, voc = CocoEvaluator(source.class_names), VocEvaluator(source.class_names)
    for examples, found in answered(predict, source):
        for evaluator in (coco, voc):
            evaluator.update(examples, found)
    return {**coco.result(), "VOC": voc.result()["mAP"]}


def classification_scores(predict, source):
    """{"top1": ..., "top5": ..., "loss": ..., "per_class": ...}."""
    evaluator, loss = AccuracyEvaluator(source.class_names), 0.0
    for examples, found in answered(predict, source):
        labels = [int(example["label"]) for example in examples]
        evaluator.update(labels, found)
        scores = [answer["scores"] for answer in found]
        loss += cross_entropy(labels, scores) * len(labels) / len(source)
    return {**evaluator.result(), "loss": loss}


SCORES = {"detection": detection_scores, "classification": classification_scores}


def show(result):
    """One line for each score."""
    for name, value in result.items():
        if isinstance(value, dict):
            for class_name, score in value.items():
                print(f"  {class_name:20} {shown(score)}")
        else:
            print(f"{name:22} {shown(value)}")


def shown(score):
    return "-" if score is None else f"{score:.4f}"


def main(_):
    if not MODEL.value:
        raise ValueError("say which model is scored: --model=runs/NAME")
    model = open_models(MODEL.value, TTA.value)
    source = data.open(
        DATA.value,
        SPLIT.value,
        task=model.task,
        bad_data=BAD_DATA.value,
        examples=EXAMPLES.value,
    )
    if source.class_names != list(model.class_names):
        raise ValueError(
            f"{MODEL.value[0]} knows {', '.join(model.class_names)}; "
            f"{DATA.value} has {', '.join(source.class_names)}"
        )
    result = SCORES[model.task](model.predict, source)
    show(result)
    if OUTPUT.value:
        pathlib.Path(OUTPUT.value).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    program.run(main)
