r"""Trains a detector, measures it and writes the files that ship.

    python -m recipes.detect --workdir=runs/first
    python -m recipes.detect --workdir=runs/mine --data=coco:/my/data \
        --model=retinanet --backbone=resnet50 --image_size=512

Without --data it draws its own pictures. A second run with the same --workdir
continues where the first one stopped; runs/first/config.flags has all its flags and
can be given back with --flagfile. What a workdir holds: kzoo/train/workdir.py.
"""

import time

import numpy as np
from absl import flags
from tqdm import tqdm

import kzoo
from kzoo import models, train
from kzoo.models.registry import parse
from kzoo.ops.anchors import retinanet_anchors
from kzoo.tasks.detection import BOX_LOSSES
from kzoo.train.workdir import write_json
from recipes import common, program

MODEL = flags.DEFINE_string(
    "model",
    "retinanet_v2(filters=64, depth=2)",
    f"Detector, with arguments if need be: {', '.join(models.names('detection'))}.",
)
BACKBONE = flags.DEFINE_string(
    "backbone",
    "resnet18(width=0.5)",
    f"Its backbone, likewise: {', '.join(models.names('classification'))}.",
)
BACKBONE_WEIGHTS = flags.DEFINE_string(
    "backbone_weights", None, "File of published weights that the backbone starts from."
)
ANCHOR_SCALE = flags.DEFINE_float(
    "anchor_scale",
    2.0,
    "Side of a level's smallest anchor in strides of the level; the paper's 4 is for "
    "large pictures.",
)
flags.register_validator(
    "anchor_scale", lambda scale: scale > 0, "--anchor_scale is above 0"
)
BOX_LOSS = flags.DEFINE_enum(
    "box_loss", None, BOX_LOSSES, "Loss of boxes; the model's own by default."
)
EXPORT = flags.DEFINE_list(
    "export",
    list(kzoo.deploy.FORMATS),
    f"Formats of the files that ship, of {', '.join(kzoo.deploy.FORMATS)}; empty for "
    "none.",
)


# Pictures whose activations tell int8 its ranges.
CALIBRATION = 200

# For --help and config.flags: the flags of training are this program's too.
flags.adopt_module_key_flags(common)
flags.adopt_module_key_flags(program)


def check_flags():
    """Names that do not exist, before anything slow."""
    for flag, task in (("model", "detection"), ("backbone", "classification")):
        name, _ = parse(flags.FLAGS[flag].value)
        if name not in models.names(task):
            raise ValueError(
                f"--{flag}: no {task} model {name!r}; "
                f"kzoo has {', '.join(models.names(task))}"
            )
    for name in EXPORT.value:
        if name not in kzoo.deploy.FORMATS:
            raise ValueError(
                f"--export: no format {name!r}; "
                f"kzoo has {', '.join(kzoo.deploy.FORMATS)}"
            )


def build(strategy, class_names):
    """The detector that the flags describe."""
    with strategy.scope():
        model = models.build(
            MODEL.value,
            classes=len(class_names),
            backbone=BACKBONE.value,
            input_shape=(*common.image_size(), 3),
            anchors=retinanet_anchors(ANCHOR_SCALE.value),
        )
        if BACKBONE_WEIGHTS.value:
            kzoo.weights.load_backbone(model, BACKBONE_WEIGHTS.value)
    model.task.class_names = class_names
    if BOX_LOSS.value:
        model.task.box_loss = BOX_LOSS.value
    return model


def draw_predictions(model, source, path, count=8):
    """Some pictures of `source` with what is in them and what `model` sees."""
    spread = np.linspace(0, len(source) - 1, min(8 * count, len(source))).astype(int)
    examples = list(source.read(np.unique(spread)))
    # Pictures without an object show little.
    examples = sorted(examples, key=lambda example: not len(example["boxes"]))[:count]
    images = [example.pop("image") for example in examples]
    found = kzoo.predict(model, images)
    kzoo.draw.gallery(images, examples, found, source.class_names, path, threshold=0.5)


def ship(model, learn, check, folder):
    """Writes each format of --export, measures it, and returns the report's rows."""
    examples = list(check.read())
    pictures = [example.pop("image") for example in examples]
    some = range(min(CALIBRATION, len(learn)))
    calibration = [example["image"] for example in learn.read(some)]
    if len(some) < 100 and "tflite_int8" in EXPORT.value:
        print(f"int8 is calibrated by {len(some)} pictures alone, and 100 would be few")
    paths = []
    for name in tqdm(EXPORT.value, desc="export", leave=False, disable=None):
        path = kzoo.deploy.write(model, name, folder, calibration, fewer_ok=True)
        paths.append(path)
    rows = kzoo.deploy.measure(model, paths, pictures, examples)
    for name, row in zip(EXPORT.value, rows):
        print(
            f"{name:16} {row['bytes'] / 1e6:7.2f} MB   error {row['max_error']:.1e}   "
            f"mAP {row['mAP'] or 0:.4f}   {row['ms']:.1f} ms a picture"
        )
    kept = ("mAP", "max_error", "bytes", "ms")
    return {
        name: {key: row[key] for key in kept} for name, row in zip(EXPORT.value, rows)
    }


def main(_):
    began = time.monotonic()
    check_flags()
    workdir = common.open_workdir()
    strategy = common.devices()
    learn, check = common.open_sources("detection", strategy)
    model = build(strategy, learn.class_names)
    print(
        f"{MODEL.value} on {BACKBONE.value}: {model.count_params():,} parameters; "
        f"{len(learn)} pictures to learn from, {len(check)} to evaluate on, "
        f"{len(learn.class_names)} classes; {strategy.num_replicas_in_sync} device(s)"
    )
    loop = common.loop(model, strategy, workdir, learn, check, best="mAP")
    loop.restore()
    began -= loop.seconds  # of the runs before, where this one continues
    chief = train.is_chief(strategy)
    if chief:
        common.write_flags(workdir, __name__)
    scores = loop.run()
    if chief:
        report(model, learn, check, workdir, scores, began)


def report(model, learn, check, workdir, scores, began):
    """What is made of the best model: pictures, files that ship, report.json."""
    best = kzoo.load(workdir.model)
    draw_predictions(best, check, workdir.predictions)
    formats = ship(best, learn, check, workdir.export)
    figures = {
        **scores,
        "formats": formats,
        "parameters": model.count_params(),
        "seconds": time.monotonic() - began,
        **common.versions(),
    }
    write_json(workdir.report, figures)
    print(f"mAP {scores['mAP'] or 0:.3f}; everything is in {workdir.folder}")


if __name__ == "__main__":
    program.run(main)
