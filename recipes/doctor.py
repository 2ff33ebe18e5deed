r"""Checks machine, data and network before a long training; --model says which.

    python -m recipes.doctor --workdir=runs/doctor
    python -m recipes.doctor --model='resnet18(width=0.25)' --data=folder:/my/data \
        --learning_rate=0.01 --optimizer=sgd

One line a check: PASS, WARN or FAIL, what was measured, what was expected, what to do.
The workdir gets report.json, batch.png (a batch as the network sees it), lr_range.png
and doctor.png. The exit code is 1 where a check fails. Why each check is there stands
in docs/practice.md. The flags of training mean here what they mean there.
"""

import sys
import time

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from kzoo import data, models, train
from kzoo.models.registry import parse
from kzoo.tasks.anchors import AnchorDetection
from kzoo.train.diagnosis import (
    FAIL,
    PASS,
    WARN,
    drawing,
    environment,
    learning,
    network,
    pictures,
)
from kzoo.train.workdir import write_json
from recipes import (
    augmenting,
    augmenting_boxes,
    classify,
    common,
    detect,
    program,
)

PARTS = ("environment", "data", "network", "overfit", "rate")
CHECKS = flags.DEFINE_list("checks", list(PARTS), f"Which, of {', '.join(PARTS)}.")
OVERFIT_PICTURES = flags.DEFINE_integer(
    "overfit_pictures", 20, "Pictures to learn by heart.", lower_bound=1
)
OVERFIT_STEPS = flags.DEFINE_integer(
    "overfit_steps", 300, "Steps to do it in, at most.", lower_bound=10
)
OVERFIT_RATE = flags.DEFINE_float(
    "overfit_rate", 1e-3, "Learning rate for it, of Adam.", lower_bound=0
)
RANGE_STEPS = flags.DEFINE_integer(
    "range_steps", 100, "Steps of the learning-rate range test.", lower_bound=10
)
flags.adopt_module_key_flags(detect)
flags.adopt_module_key_flags(classify)

BATCHES = 4  # whose pixels and boxes are looked at
WORKDIR = "runs/doctor"  # where no --workdir is given


def check_flags():
    for name in CHECKS.value:
        if name not in PARTS:
            raise ValueError(f"--checks: no part {name!r}; it has {', '.join(PARTS)}")
    common.check_model("model")
    recipe().check_flags()


def recipe():
    """The program that would train --model."""
    name, _ = parse(common.MODEL.value)
    return detect if models.card(name).task == "detection" else classify


def start():
    """The strategy of one device, precision and seed set: what is checked is not how
    devices share a batch.
    """
    # Each short training is a function of its own; that they are many is no news.
    tf.get_logger().setLevel("ERROR")
    keras.config.set_dtype_policy(common.PRECISION.value)
    keras.utils.set_random_seed(common.SEED.value)
    return train.strategy("one")


def build(strategy, class_names):
    if recipe() is detect:
        return detect.build(strategy, class_names)
    return classify.build(
        strategy, class_names, common.image_size(), classify.WEIGHTS.value
    )


def stream(source, model, batch_size=None, varied=True):
    """Batches of training, from the first step on; `varied` or the pictures alone."""
    size, settings = model.input_shape[1:3], {"augment": False}
    if varied and source.task == "detection":
        settings = augmenting_boxes.varied(size)
    elif varied:
        settings = augmenting.varied(size, len(source.class_names))
    return data.batches(
        source,
        batch_size or common.BATCH_SIZE.value,
        size,
        training=True,
        seed=common.SEED.value,
        **settings,
    )


def optimizer(rate):
    return train.optimizer(common.OPTIMIZER.value, rate, common.WEIGHT_DECAY.value)


def data_checks(model, learn, check, workdir):
    batches = list(stream(learn, model).take(BATCHES).as_numpy_iterator())
    images = np.concatenate([batch["images"] for batch in batches])
    drawing.batch(
        batches[0]["images"],
        batches[0]["targets"],
        learn.class_names,
        workdir.folder / "batch.png",
    )
    yield pictures.classes(learn)
    yield pictures.classes(check, learnt=False)
    yield pictures.pixels(model, images)
    size = images.shape[1:3]
    yield pictures.labels(batches[0]["targets"], len(learn.class_names), size)
    if learn.task == "detection":
        targets = [batch["targets"] for batch in batches]
        boxes = np.concatenate([t["boxes"][t["valid"]] for t in targets])
        yield pictures.box_sizes(boxes)
        if isinstance(model.task, AnchorDetection):
            yield pictures.anchors(boxes, model.task.anchors(*size))


def network_checks(model, learn):
    batches = stream(learn, model)
    batch = next(iter(batches))
    images, targets = batch["images"], batch["targets"]
    yield network.initial(model, images, targets)
    yield network.gradients(model, images, targets)
    yield network.dead_units(model, images)
    steps = 20
    schedule = train.Schedule(common.learning_rate(), steps, "constant", steps // 2)
    step = train.TrainStep(
        model, optimizer(schedule), tf.distribute.get_strategy(), l2=common.L2.value
    )
    yield network.update_ratios(model, step, iter(batches), steps)


def overfit_check(model, learn):
    count = min(OVERFIT_PICTURES.value, len(learn))
    few = stream(learn, model, batch_size=count, varied=False)
    batch = next(iter(few))
    with network.kept(model):
        done = learning.overfit(
            model,
            batch["images"],
            batch["targets"],
            OVERFIT_STEPS.value,
            OVERFIT_RATE.value,
        )
    yield learning.overfit_check(done, count)


def rate_check(model, learn, workdir):
    rates, losses = learning.rate_range(
        model, optimizer, iter(stream(learn, model)), steps=RANGE_STEPS.value
    )
    rate = common.learning_rate()
    drawing.rate_range(rates, losses, rate, workdir.folder / "lr_range.png")
    yield learning.rate_check(rates, losses, rate)


def run(parts):
    """All checks of `parts`, {name: function to checks}; each is printed as it ends."""
    done = []
    for name, checks in parts.items():
        if name in CHECKS.value:
            for check in checks():
                print(check, flush=True)
                done.append(check)
    return done


def main(_):
    began = time.monotonic()
    check_flags()
    if recipe() is classify:
        usual = {k: v for k, v in classify.DEFAULTS.items() if k != "model"}
        common.set_defaults(**usual)
    workdir = train.Workdir(common.WORKDIR.value or WORKDIR)
    checks = run({"environment": environment.all_checks})
    strategy = start()
    if set(CHECKS.value) - {"environment"}:
        task = "detection" if recipe() is detect else "classification"
        learn, check = common.open_sources(task, strategy)
        model = build(strategy, learn.class_names)
        checks += run(
            {
                "data": lambda: data_checks(model, learn, check, workdir),
                "network": lambda: network_checks(model, learn),
                "overfit": lambda: overfit_check(model, learn),
                "rate": lambda: rate_check(model, learn, workdir),
            }
        )
    report(checks, workdir, began)


def report(checks, workdir, began):
    """Writes what was found; ends the program with 1 where something failed."""
    drawing.overview(checks, workdir.folder / "doctor.png")
    rows = [vars(check) for check in checks]
    seconds = time.monotonic() - began
    write_json(
        workdir.report,
        {"checks": rows, "seconds": seconds, **common.versions()},
    )
    counts = {v: sum(c.verdict == v for c in checks) for v in (PASS, WARN, FAIL)}
    shown = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    print(f"{shown} in {seconds:.0f} s; {workdir.folder} has the pictures")
    if counts[FAIL]:
        sys.exit(1)


if __name__ == "__main__":
    program.run(main)
