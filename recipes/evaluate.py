r"""Scores a detector on a data set, as COCO and as Pascal VOC do.

    python -m recipes.evaluate --model=runs/first
    python -m recipes.evaluate --model=runs/first/export/model_int8.tflite \
        --data=voc:/my/data --split=test --output=scores.json

The model is a run, a saved model or any exported file.
"""

import itertools
import json
import pathlib

from absl import flags
from tqdm import tqdm

from kzoo import data
from kzoo.metrics.detection import CocoEvaluator, VocEvaluator
from recipes import program
from recipes.opening import open_model

MODEL = flags.DEFINE_string("model", None, "Run, model or exported file.")
DATA = flags.DEFINE_string("data", "scenes", "Where pictures come from.")
SPLIT = flags.DEFINE_string("split", "validation", "Which part of --data.")
EXAMPLES = flags.DEFINE_integer("examples", None, "How many pictures.", lower_bound=1)
BAD_DATA = flags.DEFINE_enum(
    "bad_data", "error", ["error", "skip"], "What to do about broken rows."
)
OUTPUT = flags.DEFINE_string("output", None, "JSON file for the scores.")
TOGETHER = 16


def scores(predict, source):
    """{"mAP": ..., "VOC": ..., "per_class": ...} of a function of pictures."""
    coco, voc = CocoEvaluator(source.class_names), VocEvaluator(source.class_names)
    examples = iter(
        tqdm(source.read(), total=len(source), unit="picture", disable=None)
    )
    while some := list(itertools.islice(examples, TOGETHER)):
        found = predict([example["image"] for example in some])
        for evaluator in (coco, voc):
            evaluator.update(some, found)
    return {**coco.result(), "VOC": voc.result()["mAP"]}


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
    predict, class_names = open_model(MODEL.value)
    source = data.open(
        DATA.value, SPLIT.value, bad_data=BAD_DATA.value, examples=EXAMPLES.value
    )
    if source.class_names != list(class_names):
        raise ValueError(
            f"{MODEL.value} knows {', '.join(class_names)}; "
            f"{DATA.value} has {', '.join(source.class_names)}"
        )
    result = scores(predict, source)
    show(result)
    if OUTPUT.value:
        pathlib.Path(OUTPUT.value).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    program.run(main)
