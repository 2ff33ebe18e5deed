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

import time

import numpy as np
import tensorflow as tf
from absl import flags

import kzoo
from kzoo import data, draw_labels, models, train
from kzoo.ensembles import VIEWS, seen_as
from kzoo.metrics.confusion import confusion, cross_entropy
from kzoo.tasks.classification import LOSSES
from kzoo.train.plots import curves
from kzoo.train.workdir import Log, write_json
from recipes import augmenting, common, program, shipping

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
TTA = flags.DEFINE_enum(
    "tta", "none", list(VIEWS), "Views of a picture whose answers the report averages."
)

DEFAULTS = {
    "model": "resnet18(width=0.5)",
    "image_size": ["64"],
    "batch_size": 32,
    "epochs": 4,
}
PICTURES = 24  # in predictions.png

# For --help and config.flags: the flags of training are this program's too.
flags.adopt_module_key_flags(common)
flags.adopt_module_key_flags(augmenting)
flags.adopt_module_key_flags(shipping)
flags.adopt_module_key_flags(program)


def check_flags():
    """What cannot be done, before anything slow."""
    common.check_model("model", "classification")
    shipping.check_flags()
    augmenting.crop(), augmenting.policy()


def build(strategy, class_names):
    """The classifier that the flags describe."""
    shape = (*common.image_size(), 3)
    with strategy.scope():
        model = models.build(
            common.MODEL.value, classes=len(class_names), input_shape=shape
        )
        if WEIGHTS.value:
            start_from(model, WEIGHTS.value)
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
    model = build(strategy, learn.class_names)
    print(
        f"{common.MODEL.value}: {model.count_params():,} parameters; "
        f"{len(learn)} pictures to learn from, {len(check)} to evaluate on, "
        f"{len(learn.class_names)} classes; {strategy.num_replicas_in_sync} device(s)"
    )
    if PROBE.value or common.OPTIMIZER.value == "lbfgs":
        common.write_flags(workdir, __name__)
        scores = at_once(model, strategy, workdir, learn, check)
    else:
        loop = common.loop(
            model,
            strategy,
            workdir,
            learn,
            check,
            best="top1",
            augment=augmenting.augment(model.input_shape[1:3]),
            mix=augmenting.mix(len(learn.class_names)),
            rates=rates(),
        )
        loop.restore()
        began -= loop.seconds  # of the runs before, where this one continues
        if train.is_chief(strategy):
            common.write_flags(workdir, __name__)
        scores = loop.run()
    if train.is_chief(strategy):
        report(workdir, learn, check, scores, began)


def at_once(model, strategy, workdir, learn, check):
    """What --probe and --optimizer=lbfgs do: all pictures as they are, no loop."""
    if strategy.num_replicas_in_sync > 1:
        raise ValueError("--probe and --optimizer=lbfgs run on one device")
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


if __name__ == "__main__":
    common.set_defaults(**DEFAULTS)
    program.run(main)
