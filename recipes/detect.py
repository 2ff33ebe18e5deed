r"""Trains a detector, measures it and writes the files that ship.

    python -m recipes.detect --workdir=runs/first
    python -m recipes.detect --workdir=runs/mine --data=coco:/my/data \
        --model=retinanet --backbone=resnet50 --image_size=512

Without --data it draws its own pictures. A second run with the same --workdir
continues where the first one stopped; runs/first/config.flags has all its flags and
can be given back with --flagfile. What a workdir holds: kzoo/train/workdir.py.
"""

import json
import pathlib
import time

import numpy as np
from absl import flags

import kzoo
from kzoo import models, train
from kzoo.models.registry import parse
from kzoo.ops.anchors import retinanet_anchors
from kzoo.tasks import anchors as anchors_task
from kzoo.tasks import points
from kzoo.train.workdir import write_json
from recipes import augmenting_boxes, common, program, shipping

MODEL = common.MODEL
BACKBONE = flags.DEFINE_string(
    "backbone",
    None,
    "Its backbone, likewise: a classifier with strides; docs/models.md has them all. "
    "By default the one that --model states or that its paper has.",
)
BACKBONE_WEIGHTS = flags.DEFINE_string(
    "backbone_weights",
    None,
    "Published weights that the backbone starts from: a set's name such as imagenet "
    "(kzoo.weights.names), or a file.",
)
ANCHORS = flags.DEFINE_string(
    "anchors",
    None,
    "A file of anchors that fit your boxes, which recipes.anchors writes; the paper's "
    "by default.",
)
ANCHOR_SCALE = flags.DEFINE_float(
    "anchor_scale",
    None,
    "For RetinaNet: side of a level's smallest anchor in strides of the level; by "
    "default the paper's 4, and 2 for pictures below 512 pixels.",
)
flags.register_validator(
    "anchor_scale",
    lambda scale: scale is None or scale > 0,
    "--anchor_scale is above 0",
)
BOX_LOSS = flags.DEFINE_enum(
    "box_loss",
    None,
    sorted({*anchors_task.BOX_LOSSES, *points.BOX_LOSSES}),
    "Loss of boxes, for detectors that have several; the model's own by default.",
)
# For --help and config.flags: the flags of training are this program's too.
flags.adopt_module_key_flags(common)
flags.adopt_module_key_flags(augmenting_boxes)
flags.adopt_module_key_flags(shipping)
flags.adopt_module_key_flags(program)


def check_flags():
    """Names that do not exist, before anything slow."""
    common.check_model("model", "detection")
    if BACKBONE.value:
        common.check_model("backbone", "classification")
    shipping.check_flags()
    augmenting_boxes.check_flags()


def build(strategy, class_names):
    """The detector that the flags describe."""
    with strategy.scope():
        model = models.build(
            MODEL.value,
            classes=len(class_names),
            input_shape=(*common.image_size(), 3),
            **parts(),
        )
        if BACKBONE_WEIGHTS.value:
            kzoo.weights.load_backbone(model, BACKBONE_WEIGHTS.value)
    model.task.class_names = class_names
    if BOX_LOSS.value:
        check_box_loss(model)
        model.task.box_loss = BOX_LOSS.value
    return model


def check_box_loss(model):
    if BOX_LOSS.value not in model.task.box_losses:
        choices = ", ".join(model.task.box_losses)
        raise ValueError(
            f"--box_loss: {model.name} has no {BOX_LOSS.value}; it has "
            f"{choices or 'a loss of its own'}"
        )


def parts():
    """The arguments that flags of their own give, of those that the builder takes."""
    name, _ = parse(MODEL.value)
    takes = models.arguments(name)
    given = {"backbone": BACKBONE.value, "anchors": anchors(name)}
    given = {argument: value for argument, value in given.items() if value is not None}
    for argument in given:
        if argument not in takes:
            raise ValueError(
                f"--{argument}: {name} has {argument} of its own; it takes "
                f"{', '.join(takes)}"
            )
    return given


def anchors(name):
    """What --anchors and --anchor_scale say, or None for the model's own."""
    if ANCHORS.value:
        return read_anchors(ANCHORS.value)
    if name not in ("retinanet", "retinanet_v2"):
        if ANCHOR_SCALE.value:
            raise ValueError(
                f"--anchor_scale is for retinanet and retinanet_v2, not for {name}"
            )
        return None
    small = max(common.image_size()) < 512
    return retinanet_anchors(ANCHOR_SCALE.value or (2.0 if small else 4.0))


def read_anchors(path):
    """What recipes.anchors wrote: a builder's argument `anchors`."""
    try:
        return json.loads(pathlib.Path(path).read_text())["anchors"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"--anchors: {path} is no file of recipes.anchors ({error})"
        ) from None


def draw_predictions(model, source, path, count=8):
    """Some pictures of `source` with what is in them and what `model` sees."""
    spread = np.linspace(0, len(source) - 1, min(8 * count, len(source))).astype(int)
    examples = list(source.read(np.unique(spread)))
    # Pictures without an object show little.
    examples = sorted(examples, key=lambda example: not len(example["boxes"]))[:count]
    images = [example.pop("image") for example in examples]
    found = kzoo.predict(model, images)
    kzoo.draw.gallery(images, examples, found, source.class_names, path, threshold=0.5)


def main(_):
    began = time.monotonic()
    check_flags()
    workdir = common.open_workdir()
    strategy = common.devices()
    learn, check = common.open_sources("detection", strategy)
    model = build(strategy, learn.class_names)
    on = f" on {BACKBONE.value}" if BACKBONE.value else ""
    print(
        f"{MODEL.value}{on}: {model.count_params():,} parameters; "
        f"{len(learn)} pictures to learn from, {len(check)} to evaluate on, "
        f"{len(learn.class_names)} classes; {strategy.num_replicas_in_sync} device(s)"
    )
    loop = common.loop(
        model,
        strategy,
        workdir,
        learn,
        check,
        best="mAP",
        vary=lambda size: augmenting_boxes.varied(size, learn),
        sizes=augmenting_boxes.sizes(),
    )
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
    formats = shipping.ship(best, learn, check, workdir.export, "mAP")
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
