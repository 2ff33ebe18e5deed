"""What all training recipes share: their flags, and the steps from them to a report."""

import re
import subprocess
import sys

import keras
import tensorflow as tf
from absl import flags

import kzoo
from kzoo import data, train
from kzoo.data.opening import CHOICES
from kzoo.models.registry import check_name, parse
from kzoo.train import optimizers, schedules
from kzoo.train.workdir import write_text

MODEL = flags.DEFINE_string(
    "model",
    "retinanet_v2(backbone='resnet18(width=0.5)', filters=64, depth=2)",
    "Which network, with arguments if need be: mobilenet_v2(width=0.35).",
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; a second run with the same one continues."
)
DATA = flags.DEFINE_string("data", "scenes", f"Where pictures come from: {CHOICES}.")
TRAIN_SPLIT = flags.DEFINE_string("train_split", "train", "Split to learn from.")
VALIDATION_SPLIT = flags.DEFINE_string(
    "validation_split", "validation", "Split to choose the best model by."
)
TRAIN_EXAMPLES = flags.DEFINE_integer(
    "train_examples", None, "Pictures to learn from; all by default.", lower_bound=1
)
VALIDATION_EXAMPLES = flags.DEFINE_integer(
    "validation_examples", None, "Pictures to evaluate on.", lower_bound=1
)
BAD_DATA = flags.DEFINE_enum(
    "bad_data", "error", ["error", "skip"], "What to do about broken rows."
)
IMAGE_SIZE = flags.DEFINE_list(
    "image_size", ["160"], "Side of the network's input, pixels, or height,width."
)
flags.register_validator(
    "image_size",
    lambda sides: len(sides) in (1, 2)
    and all(re.fullmatch("0*[1-9][0-9]*", s) for s in sides),
    "--image_size takes a side or height,width, in pixels: 256 or 192,256",
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 8, "Pictures in a step, over all devices.", lower_bound=1
)
EPOCHS = flags.DEFINE_float(
    "epochs", 6, "Passes over the training pictures.", lower_bound=0
)
AUGMENT = flags.DEFINE_string(
    "augment",
    "usual",
    "How training pictures vary: usual, none, or keras_cv, by that library's layers, "
    "slower; for detection also perspective, mosaic or ssd, with arguments if need be: "
    "mosaic(scale=(0.1, 2.0), mixup=0.5).",
)
VERTICAL_FLIP = flags.DEFINE_float(
    "vertical_flip",
    0.0,
    "Probability; 0.5 for pictures that have no up and down.",
    lower_bound=0,
    upper_bound=1,
)
OPTIMIZER = flags.DEFINE_string(
    "optimizer",
    "adamw",
    f"How gradients become steps: {', '.join(train.OPTIMIZERS)}; with arguments if "
    "need be: rmsprop(momentum=0.9, epsilon=1.0).",
)
LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", 2e-3, "The highest one, for this batch size.", lower_bound=0
)
LEARNING_RATE_BATCH = flags.DEFINE_integer(
    "learning_rate_batch",
    None,
    "Batch size that --learning_rate is meant for: at another --batch_size it grows in "
    "proportion (https://arxiv.org/abs/1706.02677). By default it is taken as it is.",
    lower_bound=1,
)
SCHEDULE = flags.DEFINE_string(
    "schedule",
    "cosine",
    f"How the learning rate falls: {', '.join(train.SCHEDULES)}; with arguments if "
    "need be: step(at=(0.5, 0.75), factor=0.1).",
)
WARMUP = flags.DEFINE_float(
    "warmup", 0.05, "Share of the steps that warm up.", lower_bound=0, upper_bound=1
)
WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay",
    0.01,
    "Decoupled decay of kernels, for adamw and lamb.",
    lower_bound=0,
)
L2 = flags.DEFINE_float(
    "l2", 0.0, "Decay in the loss, as papers with SGD mean it.", lower_bound=0
)
CLIP_NORM = flags.DEFINE_float(
    "clip_norm", 0.0, "Largest gradient norm; 0 for any.", lower_bound=0
)
EMA = flags.DEFINE_float(
    "ema",
    0.99,
    "Momentum of the averaged weights that are evaluated; 0 for none.",
    lower_bound=0,
    upper_bound=1,
)
BATCH_NORM = flags.DEFINE_enum(
    "batch_norm", "sync", ["sync", "local", "frozen"], "Whose statistics count."
)
MICRO_BATCHES = flags.DEFINE_integer(
    "micro_batches", 1, "Parts of a batch that fit into memory.", lower_bound=1
)
STEPS_PER_CALL = flags.DEFINE_integer(
    "steps_per_call", 1, "Steps between returns to Python.", lower_bound=1
)
EVALUATIONS = flags.DEFINE_integer(
    "evaluations", 3, "How often a run is evaluated.", lower_bound=1
)
PATIENCE = flags.DEFINE_integer(
    "patience",
    None,
    "Evaluations without a better score that end a run early; never by default.",
    lower_bound=1,
)
SNAPSHOTS = flags.DEFINE_bool(
    "snapshots", False, "Keep every model that was evaluated, for ensembles."
)
FREEZE = flags.DEFINE_list(
    "freeze", [], "Beginnings of names of layers that stay as they are: stem,stage2."
)
SEED = flags.DEFINE_integer("seed", 0, "Of weights, order and augmentation.")
STRATEGY = flags.DEFINE_enum(
    "strategy", "auto", train.STRATEGIES, "Which devices compute."
)
CPU_DEVICES = flags.DEFINE_integer(
    "cpu_devices",
    1,
    "Parts of the CPU, to try a strategy without GPUs.",
    lower_bound=1,
)
PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16", "mixed_float16"],
    "What convolutions compute in; losses are float32 in each.",
)
JIT = flags.DEFINE_bool("jit", False, "Compile with XLA; slower on CPUs.")
DETERMINISTIC = flags.DEFINE_bool(
    "deterministic",
    False,
    "On GPUs: add in a fixed order, slower, so that a run that was stopped ends with "
    "the very same bits. CPUs always do.",
)

# What a workdir's run must agree on with the one that continues it.
IDENTITY = (
    "model",
    "data",
    "train_split",
    "train_examples",
    "image_size",
    "batch_size",
    "seed",
    "optimizer",
    "ema",
    "precision",
)


def _by(check):
    """A flag's validator from a function that raises a ValueError."""

    def validator(value):
        try:
            check(value)
        except ValueError as error:
            raise flags.ValidationError(str(error)) from None
        return True

    return validator


def _check_optimizer(value):
    if value != "lbfgs":  # which recipes.classify has
        optimizers.check(value)


flags.register_validator("optimizer", _by(_check_optimizer))
flags.register_validator("schedule", _by(schedules.check))


def set_defaults(**values):
    """Gives flags the defaults of a recipe, where they differ from those here."""
    for name, value in values.items():
        flags.FLAGS.set_default(name, value)


def check_model(flag, task=None):
    """Whether the model that a flag names exists, before anything slow."""
    name, _ = parse(flags.FLAGS[flag].value)
    try:
        check_name(name, task)
    except ValueError as error:
        raise ValueError(f"--{flag}: {error}") from None


def open_workdir():
    """The `Workdir` of --workdir."""
    if not WORKDIR.value:
        raise ValueError("say where the files go: --workdir=runs/NAME")
    return train.Workdir(WORKDIR.value)


def write_flags(workdir, recipe):
    """Writes every flag of the module `recipe`, with its value, to config.flags."""
    chosen = flags.FLAGS.get_key_flags_for_module(recipe)
    texts = sorted(flag.serialize() for flag in chosen)
    write_text(workdir.config, "".join(f"{text}\n" for text in texts if text))


def image_size():
    """(height, width) of the network's input."""
    sides = [int(side) for side in IMAGE_SIZE.value]
    return sides[0], sides[-1]


def identity():
    """What `Loop` compares with the run it continues."""
    return {name: flags.FLAGS[name].value for name in IDENTITY}


def devices():
    """The strategy, after all that must be set before TensorFlow starts."""
    # That several workers found each other is no news.
    tf.get_logger().setLevel("WARNING")
    if CPU_DEVICES.value > 1:
        train.split_cpu(CPU_DEVICES.value)
    strategy = train.strategy(STRATEGY.value)
    keras.config.set_dtype_policy(PRECISION.value)
    keras.utils.set_random_seed(SEED.value)
    if DETERMINISTIC.value:
        tf.config.experimental.enable_op_determinism()
    if not tf.config.list_physical_devices("GPU"):
        print("no GPU was found: this runs on the CPU", file=sys.stderr)
    return strategy


def open_source(split, examples, task):
    """A checked split of --data; says what was left out."""
    source = data.open(
        DATA.value,
        split,
        task=task,
        bad_data=BAD_DATA.value,
        examples=examples,
        seed=SEED.value,
    )
    if source.report():
        print(source.report(), file=sys.stderr)
    return source


def open_sources(task, strategy):
    """(training source, validation source), whose classes agree."""
    # To open scenes may be to draw them.
    with train.chief_first(strategy):
        learn = open_source(TRAIN_SPLIT.value, TRAIN_EXAMPLES.value, task)
        check = open_source(VALIDATION_SPLIT.value, VALIDATION_EXAMPLES.value, task)
    if learn.class_names != check.class_names:
        raise ValueError(
            f"{DATA.value} has other classes in {VALIDATION_SPLIT.value} "
            f"({', '.join(check.class_names)}) than in {TRAIN_SPLIT.value} "
            f"({', '.join(learn.class_names)})"
        )
    return learn, check


def evaluation(model, strategy, source):
    """A `kzoo.train.Evaluation` of `model` on `source`."""
    size, batch = model.input_shape[1:3], BATCH_SIZE.value

    def batches(worker):
        return data.batches(source, batch, size, training=False, worker=worker)

    return train.Evaluation(model, strategy, batches, -(-len(source) // batch))


def augmentation(size):
    """What --augment means to `kzoo.data.batches`, for a name of every task."""
    if AUGMENT.value == "none":
        return False
    if AUGMENT.value == "keras_cv":
        from kzoo.data.augmentation import keras_cv

        return keras_cv.usual(size)
    raise ValueError(
        f"--augment: no augmentation {AUGMENT.value!r}; it is usual, none or keras_cv"
    )


def steps_of(learn, epochs=None):
    """The steps of a run of so many epochs, by default --epochs."""
    epochs = EPOCHS.value if epochs is None else epochs
    return max(1, round(epochs * len(learn) / BATCH_SIZE.value))


def learning_rate():
    """The highest one, for the batch size of this run."""
    meant_for = LEARNING_RATE_BATCH.value or BATCH_SIZE.value
    return LEARNING_RATE.value * BATCH_SIZE.value / meant_for


def loop(
    model,
    strategy,
    workdir,
    learn,
    check,
    best,
    vary,
    rates=None,
    epochs=None,
    sizes=(),
):
    """The `kzoo.train.Loop` that trains `model` as the flags say.

    Args:
      learn, check: sources to learn from and to evaluate on.
      best: name of the score that says which model is best.
      vary: f((H, W)) -> {"augment": ...} and what else `kzoo.data.batches` takes of it.
      rates: see `kzoo.train.optimizer`.
      epochs: --epochs by default.
      sizes: to train at, one after the other; the model's own by default.
    """
    steps, own = steps_of(learn, epochs), model.input_shape[1:3]

    def batches(start, worker, size=own, only=None):
        return data.batches(
            learn,
            BATCH_SIZE.value,
            size,
            training=True,
            seed=SEED.value,
            start_step=start,
            worker=worker,
            only=only,
            **vary(size),
        )

    def names(step):
        return data.names_at(learn, BATCH_SIZE.value, step, SEED.value)

    return train.Loop(
        train_step(model, strategy, steps, rates, sizes),
        batches,
        evaluation(model, strategy, check),
        plan(steps, best),
        workdir,
        identity(),
        names,
    )


def train_step(model, strategy, steps, rates=None, sizes=()):
    """The `kzoo.train.TrainStep` of a run of so many steps, or with sizes the
    `MultiScale`."""
    warmup = round(WARMUP.value * steps)
    schedule = train.Schedule(learning_rate(), steps, SCHEDULE.value, warmup)
    with strategy.scope():
        train.set_batch_norm(model, BATCH_NORM.value, steps)
        train.freeze(model, FREEZE.value)
        optimizer = train.optimizer(
            OPTIMIZER.value, schedule, WEIGHT_DECAY.value, EMA.value, rates
        )

    def make(model):
        return train.TrainStep(
            model,
            optimizer,
            strategy,
            l2=L2.value,
            clip_norm=CLIP_NORM.value,
            micro_batches=MICRO_BATCHES.value,
            jit=JIT.value,
        )

    return train.MultiScale(model, make, sizes, SEED.value) if sizes else make(model)


def plan(steps, best):
    """The `kzoo.train.Plan` of a run of so many steps."""
    every = -(-steps // EVALUATIONS.value)
    return train.Plan(
        steps,
        evaluate_every=every,
        save_every=min(every, 500),
        steps_per_call=STEPS_PER_CALL.value,
        best=best,
        patience=PATIENCE.value,
        snapshots=SNAPSHOTS.value,
    )


def versions():
    """{"commit": ..., "versions": {...}}: what a report was made with."""
    names = {"kzoo": kzoo, "keras": keras, "tensorflow": tf}
    return {
        "commit": commit(),
        "versions": {name: module.__version__ for name, module in names.items()},
    }


def commit():
    """The commit of this checkout, or None outside of one."""
    command = ["git", "-C", str(__file__).rpartition("/")[0], "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() or None
