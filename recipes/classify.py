r"""Trains a classifier, measures it and writes the files that ship.

    python -m recipes.classify --workdir=runs/first
    python -m recipes.classify --workdir=runs/mine --data=folder:/my/data \
        --model=resnet50 --weights=imagenet --image_size=224
    python -m recipes.classify --workdir=runs/digits \
        --flagfile=recipes/settings/lenet5_digits.flags

Without --data it draws its own pictures. A second run with the same --workdir
continues where the first one stopped. The papers' schedules are in recipes/settings.
docs/classification.md tells of transfer, probes and ensembles.
"""

import re
import time

from absl import flags

import kzoo
from kzoo import data, models, train
from kzoo.tasks.classification import LOSSES
from kzoo.train.plots import curves
from kzoo.train.workdir import Log
from recipes import augmenting, common, program, reporting, shipping

WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "Published set (imagenet), file or run to start from; the head is new where the "
    "classes are others.",
)
LOSS = flags.DEFINE_enum(
    "loss", None, list(LOSSES), "What is minimized; the model's own by default."
)
LABEL_SMOOTHING = flags.DEFINE_float(
    "label_smoothing",
    0.0,
    "Share of the truth that is spread over all classes.",
    lower_bound=0,
    upper_bound=1,
)
BACKBONE_LEARNING_RATE = flags.DEFINE_float(
    "backbone_learning_rate",
    None,
    "The highest one for all but the head; --learning_rate by default.",
    lower_bound=0,
)
PROBE = flags.DEFINE_enum(
    "probe",
    None,
    list(train.PROBES),
    "Train nothing but a linear head, by scikit-learn.",
)
PROBE_STRENGTH = flags.DEFINE_float(
    "probe_strength", 1.0, "scikit-learn's C of --probe.", lower_bound=1e-9
)
PROGRESSIVE = flags.DEFINE_list(
    "progressive",
    [],
    "Sides of pictures to learn from one after the other, each for as many of the "
    "epochs: 128,160 before --image_size=224.",
)
flags.register_validator(
    "progressive",
    lambda sides: all(re.fullmatch("0*[1-9][0-9]*", side) for side in sides),
    "--progressive takes sides in pixels: 128,160",
)

DEFAULTS = {
    "model": "resnet18(width=0.5)",
    "image_size": ["64"],
    "batch_size": 32,
    "epochs": 4,
}

# For --help and config.flags: the flags of training are this program's too.
flags.adopt_module_key_flags(common)
flags.adopt_module_key_flags(augmenting)
flags.adopt_module_key_flags(reporting)
flags.adopt_module_key_flags(shipping)
flags.adopt_module_key_flags(program)


def check_flags():
    """What cannot be done, before anything slow."""
    common.check_model("model", "classification")
    shipping.check_flags()
    augmenting.crop(), augmenting.policy(), augmenting.augment(common.image_size())


def build(strategy, class_names, image_size, weights):
    """The classifier that the flags describe, of one size and with some weights."""
    shape = (*image_size, 3)
    with strategy.scope():
        model = models.build(
            common.MODEL.value, classes=len(class_names), input_shape=shape
        )
        if weights:
            start_from(model, weights)
    model.task.class_names = class_names
    model.task.loss = LOSS.value or model.task.loss
    for flag in ("mixup", "cutmix", "label_smoothing"):
        if flags.FLAGS[flag].value and model.task.loss != "cross_entropy":
            raise ValueError(
                f"--{flag} needs --loss=cross_entropy, not {model.task.loss}, which "
                "takes one class a picture"
            )
    model.task.label_smoothing = LABEL_SMOOTHING.value
    return model


def start_from(model, source):
    """Loads weights; all but the head where that has other classes."""
    try:
        kzoo.weights.load(model, source)
    except ValueError as error:
        try:
            kzoo.weights.load_backbone(model, source)
        except ValueError:
            raise error from None


def rates():
    """A weight's path to the factor of its learning rate, or None for 1."""
    if BACKBONE_LEARNING_RATE.value is None:
        return None
    if not common.LEARNING_RATE.value:
        raise ValueError("--backbone_learning_rate needs a --learning_rate above 0")
    factor = BACKBONE_LEARNING_RATE.value / common.LEARNING_RATE.value
    head = ("head_", "logits")  # as every builder names what is behind its backbone
    return lambda path: 1.0 if path.startswith(head) else factor


def main(_):
    began = time.monotonic()
    common.set_defaults(**DEFAULTS)
    check_flags()
    workdir = common.open_workdir()
    strategy = common.devices()
    learn, check = common.open_sources("classification", strategy)
    if PROBE.value or common.OPTIMIZER.value == "lbfgs":
        scores = at_once(strategy, workdir, learn, check)
    else:
        scores, before = in_steps(strategy, workdir, learn, check)
        began -= before
    if train.is_chief(strategy):
        reporting.report(workdir, learn, check, scores, began)


def in_steps(strategy, workdir, learn, check):
    """Trains; returns the best model's scores, and the seconds of runs before."""
    start, seconds = WEIGHTS.value, 0.0
    for side in map(int, PROGRESSIVE.value):
        # A run of its own, from whose model the next one starts.
        stage = train.Workdir(workdir.folder / f"size{side}")
        model = build(strategy, learn.class_names, (side, side), start)
        loop = loop_of(model, strategy, stage, learn, check)
        loop.restore()
        seconds += loop.seconds
        loop.run()
        with train.chief_first(strategy):
            start = stage.folder
    model = build(strategy, learn.class_names, common.image_size(), start)
    tell(model, learn, check, strategy)
    loop = loop_of(model, strategy, workdir, learn, check)
    loop.restore()
    if train.is_chief(strategy):
        common.write_flags(workdir, __name__)
    seconds += loop.seconds
    return loop.run(), seconds


def loop_of(model, strategy, workdir, learn, check):
    return common.loop(
        model,
        strategy,
        workdir,
        learn,
        check,
        best="top1",
        vary=lambda size: augmenting.varied(size, len(learn.class_names)),
        rates=rates(),
        epochs=common.EPOCHS.value / (1 + len(PROGRESSIVE.value)),
    )


def tell(model, learn, check, strategy):
    print(
        f"{common.MODEL.value}: {model.count_params():,} parameters; "
        f"{len(learn)} pictures to learn from, {len(check)} to evaluate on, "
        f"{len(learn.class_names)} classes; {strategy.num_replicas_in_sync} device(s)"
    )


def at_once(strategy, workdir, learn, check):
    """What --probe and --optimizer=lbfgs do: all pictures as they are, no loop."""
    if strategy.num_replicas_in_sync > 1:
        raise ValueError("--probe and --optimizer=lbfgs run on one device")
    model = build(strategy, learn.class_names, common.image_size(), WEIGHTS.value)
    tell(model, learn, check, strategy)
    common.write_flags(workdir, __name__)
    size, batch = model.input_shape[1:3], common.BATCH_SIZE.value
    stream = data.batches(learn, batch, size, training=False)
    rows = (
        (row["images"][row["real"]], row["targets"][row["real"]])
        for row in iter(stream)
    )
    if PROBE.value:
        train.probe(model, rows, PROBE.value, PROBE_STRENGTH.value)
    else:
        log = Log(workdir.log)
        note = lambda step, loss: log.add({"step": step, "loss": loss})
        train.freeze(model, common.FREEZE.value)
        steps = max(1, round(common.EPOCHS.value))
        train.lbfgs(model, list(rows), steps, common.L2.value, after_step=note)
        curves(workdir.log, workdir.curves)
    scores = common.evaluation(model, strategy, check)()
    kzoo.save(model, workdir.model, scores)
    return scores


if __name__ == "__main__":
    common.set_defaults(**DEFAULTS)
    program.run(main)
