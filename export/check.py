r"""Measures the files of a model beside the model itself, as one table.

    python -m export.check --model=runs/first --data=scenes

Each file runs in a process of its own that cannot import kzoo. The columns: size;
largest error against Keras over all anchors (docs/deploy.md says of what); mAP as COCO
defines it, of a classifier top-1 accuracy; milliseconds a picture, alone, after a
warm-up.
"""

import pathlib
import time

import numpy as np
from absl import flags

import kzoo
from export import common
from kzoo import data, deploy
from recipes import program

flags.declare_key_flag("model")
flags.declare_key_flag("output")

DATA = flags.DEFINE_string("data", "scenes", "Where pictures come from.")
SPLIT = flags.DEFINE_string("split", "validation", "The split of --data.")
EXAMPLES = flags.DEFINE_integer(
    "examples", None, "How many pictures; all by default.", lower_bound=1
)
FILES = flags.DEFINE_list(
    "files", None, "Files to check; those in the model's folder/export by default."
)


def files():
    """The files to check."""
    if FILES.value:
        return [pathlib.Path(path) for path in FILES.value]
    found = [common.folder() / name for name in deploy.FORMATS.values()]
    found = [path for path in found if path.exists()]
    if not found:
        raise ValueError(
            f"nothing to check in {common.folder()}; it may hold "
            f"{', '.join(deploy.FORMATS.values())}. Say --files, or export first"
        )
    return found


def keras_row(model, pictures, targets):
    """What `deploy.measure` says about files, of the model itself."""
    serve, seconds = deploy.serving(model), []
    for picture in pictures[:1] + pictures:
        start = time.perf_counter()
        serve(picture[None])
        seconds.append(time.perf_counter() - start)
    return {
        **deploy.score(model.task, targets, kzoo.predict(model, pictures)),
        "bytes": model.count_params() * 4,
        "ms": 1000 * float(np.median(seconds[1:])),
        "max_error": 0.0,
    }


def table(names, rows):
    """The rows as text."""
    score = "mAP" if "mAP" in rows[0] else "top1"
    lines = [f"{'format':24} {'size':>10} {'error':>9} {score:>7} {'ms':>8}"]
    for name, row in zip(names, rows, strict=True):
        shown = "-" if row[score] is None else f"{row[score]:.4f}"
        lines.append(
            f"{name:24} {common.size(row['bytes']):>10} {row['max_error']:9.1e} "
            f"{shown:>7} {row['ms']:8.2f}"
        )
    return "\n".join(lines)


def main(_):
    paths = files()
    model = kzoo.load(common.MODEL.value)
    source = data.open(
        DATA.value, SPLIT.value, task=model.task.name, examples=EXAMPLES.value
    )
    if source.class_names != list(model.task.class_names):
        raise ValueError(
            f"{DATA.value} has the classes {', '.join(source.class_names)}, the model "
            f"{', '.join(model.task.class_names)}"
        )
    examples = list(source.read())
    pictures = [example.pop("image") for example in examples]
    if model.task.name == "classification":
        examples = [example["label"] for example in examples]
    rows = [keras_row(model, pictures, examples)]
    rows += deploy.measure(model, paths, pictures, examples)
    print(table(["keras", *(path.name for path in paths)], rows))


if __name__ == "__main__":
    program.run(main)
