"""Short trainings: a few pictures by heart, and a range of learning rates."""

import contextlib
import dataclasses
import math
import time

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from kzoo import train
from kzoo.prediction import in_pictures
from kzoo.train.diagnosis.check import FAIL, PASS, WARN, Check, grade, number
from kzoo.train.diagnosis.network import kept

LOOK_EVERY = 10  # steps between scores of what was learnt by heart
WANTED = {"top1": 1.0, "mAP": 0.9}
_BEARABLE = {"top1": 0.9, "mAP": 0.5}


@dataclasses.dataclass
class Overfit:
    """Attributes: score (its name), value, steps, seconds, losses."""

    score: str
    value: float
    steps: int
    seconds: float
    losses: list


def scored(model, images, targets):
    """(name, value) of the score that `model`, as it is, has on its own batch."""
    outputs = model(images, training=False)
    size = tuple(images.shape[1:3])
    results = model.task.results(outputs, image_size=size)
    results = {name: keras.ops.convert_to_numpy(x) for name, x in results.items()}
    count = len(images)
    found = in_pictures(model.task, results, np.ones((count, 2)), [size] * count)
    evaluator = model.task.evaluator()
    evaluator.update(_truths(targets), found)
    result = evaluator.result()
    name = "top1" if "top1" in result else "mAP"
    return name, result[name] or 0.0


def _truths(targets):
    if not isinstance(targets, dict):
        return np.asarray(targets)
    boxes, labels, valid = (
        np.asarray(targets[k]) for k in ("boxes", "labels", "valid")
    )
    return [
        {"boxes": b[v], "labels": c[v], "crowd": np.zeros(v.sum(), bool)}
        for b, c, v in zip(boxes, labels, valid)
    ]


@contextlib.contextmanager
def nothing_dropped(model):
    """Inside, `model`'s dropout and drop-path let everything through.

    They are there to keep a network from learning by heart, and narrow ones they do.
    """
    found = [x for x in model._flatten_layers() if isinstance(x, keras.layers.Dropout)]
    rates = [layer.rate for layer in found]
    for layer in found:
        layer.rate = 0.0
    try:
        yield model
    finally:
        for layer, rate in zip(found, rates):
            layer.rate = rate


def overfit(model, images, targets, steps=300, rate=1e-3, dropout=False, progress=True):
    """Teaches `model` one batch until it knows it by heart, or for `steps` steps.

    By Adam, after a short warm-up, with nothing dropped unless `dropout`. The score is
    that of inference: batch norms' moving statistics are given a memory short enough
    for `steps`. The model stays taught.
    """
    strategy = tf.distribute.get_strategy()
    train.set_batch_norm(model, "local", steps)
    schedule = train.Schedule(rate, steps, "cosine", warmup_steps=min(10, steps // 10))
    step = train.TrainStep(model, train.optimizer("adam", schedule), strategy)
    batch = {"images": images, "targets": targets}
    stream = iter(tf.data.Dataset.from_tensors(batch).repeat())
    losses, taken, began = [], 0, time.monotonic()
    name, value = scored(model, images, targets)
    bar = {"unit": "step", "leave": False, "disable": None if progress else True}
    quiet = contextlib.nullcontext() if dropout else nothing_dropped(model)
    with quiet, tqdm(total=steps, desc="learn by heart", **bar) as bar:
        while taken < steps:
            count = min(LOOK_EVERY, steps - taken)
            losses += step(stream, tf.constant(count)).numpy()[:, 0].tolist()
            taken += count
            if not math.isfinite(losses[-1]):
                break
            name, value = scored(model, images, targets)
            bar.update(count)
            bar.set_postfix({"loss": f"{losses[-1]:.3f}", name: f"{value:.2f}"})
            if value >= WANTED[name]:
                break
    return Overfit(name, value, taken, time.monotonic() - began, losses)


def overfit_check(done, count):
    """The verdict on an `Overfit` of `count` pictures."""
    wanted, first, last = WANTED[done.score], done.losses[0], done.losses[-1]
    verdict = grade(done.value, (wanted, 1), (_BEARABLE[done.score], 1))
    if not math.isfinite(last):
        verdict = FAIL
    return Check(
        f"learns {count} pictures by heart",
        verdict,
        f"{done.score} {done.value:.3f} after {done.steps} steps, {done.seconds:.0f} "
        f"s; loss {first:.3g} to {last:.3g}",
        f"{done.score} {wanted:g}" + ("" if wanted == 1 else " or more"),
        "What cannot learn a few pictures learns no more from many: look whether "
        "labels belong to pictures (batch.png), then at loss and targets; where the "
        "loss still fell, give it more --overfit_steps",
        {**dataclasses.asdict(done), "losses": [number(x) for x in done.losses]},
    )


def rate_range(model, make, stream, low=1e-6, high=10.0, steps=100, progress=True):
    """(learning rates, losses) of steps whose rate grows from `low` to `high`.

    Smith 2017, section 3.3, https://arxiv.org/abs/1506.01186, with a rate that grows
    exponentially. Ends where the loss is four times its best.

    Args:
      make: a function of a learning rate to an optimizer.
      stream: an iterator of batches.
    """
    chosen = make(low)
    step = train.TrainStep(model, chosen, tf.distribute.get_strategy())
    rates, losses = [], []
    wanted = np.geomspace(low, high, steps)
    bar = {"unit": "step", "leave": False, "disable": None if progress else True}
    with kept(model):
        for rate in tqdm(wanted, desc="learning rates", **bar):
            # Loss scaling wraps the optimizer that has the rate.
            getattr(chosen, "inner_optimizer", chosen).learning_rate = rate
            loss = float(step(stream, tf.constant(1))[0, 0])
            rates.append(float(rate))
            losses.append(loss)
            # One bad batch is no divergence.
            if not math.isfinite(loss) or min(losses[-3:]) > 4 * min(losses):
                break
    return rates, losses


def smooth(losses):
    """The mean of each loss and its neighbours, a tenth of all; it does not lag."""
    reach = max(1, len(losses) // 20)
    windows = [losses[max(0, i - reach) : i + reach + 1] for i in range(len(losses))]
    return [sum(window) / len(window) for window in windows]


@dataclasses.dataclass
class Suggestion:
    """Attributes: rate, or None where nothing was learnt; best, the last rate with a
    low loss; diverged, the rate where the loss is above its start again, or None.
    """

    rate: float | None
    best: float | None
    diverged: float | None


def suggest(rates, losses):
    """A learning rate from a range test: a third of the last one with a low loss.

    Low is within a fifth of the whole fall. After that the loss is about to rise, and
    a long training goes less well near the edge than a test of a hundred steps.
    """
    even = np.array(smooth(losses))
    even = np.where(np.isfinite(even), even, np.inf)
    start, lowest = even[0], int(np.argmin(even))
    later = np.flatnonzero(even > 1.1 * start)
    later = later[later > lowest]
    end = later[0] if len(later) else len(even)
    diverged = float(rates[end]) if len(later) else None
    if not even[lowest] < 0.98 * start:
        return Suggestion(None, None, diverged)
    low = np.flatnonzero(even[:end] <= even[lowest] + 0.2 * (start - even[lowest]))
    return Suggestion(rates[low[-1]] / 3, rates[low[-1]], diverged)


def rate_check(rates, losses, rate):
    """The verdict of a range test on the learning rate that is to be used."""
    found = suggest(rates, losses)
    span = f"{rates[0]:.0e} to {rates[-1]:.0e}"
    values = {
        **dataclasses.asdict(found),
        "rates": rates,
        "range_losses": [number(x) for x in losses],
        "learning_rate": rate,
    }
    diverges = f"; diverges at {found.diverged:.1e}" if found.diverged else ""
    if found.rate is None:
        return Check(
            "learning rate",
            FAIL,
            f"the loss does not fall at any rate of {span}{diverges}",
            "a rate at which it falls",
            "Look at the failed checks above first",
            values,
        )
    verdict = PASS if found.rate / 10 <= rate <= found.rate * 3 else WARN
    if found.diverged and rate >= found.diverged:
        verdict = FAIL
    return Check(
        "learning rate",
        verdict,
        f"{rate:.1e} is set; the loss is low up to {found.best:.1e}{diverges}",
        f"about {found.rate:.1e}, {found.rate / 10:.0e} to {found.rate * 3:.0e}",
        f"Try --learning_rate={found.rate:.1g}",
        values,
    )
