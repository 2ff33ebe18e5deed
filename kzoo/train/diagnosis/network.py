"""Checks of a network before it has learnt: its loss, gradients, units and updates."""

import contextlib
import math

import keras
import numpy as np
import tensorflow as tf

from kzoo.tasks.ssd import SSDDetection
from kzoo.train.diagnosis.check import FAIL, PASS, WARN, Check, grade, number, some

RATIO = 1e-3  # size of an update over size of the weight, as a rule of thumb
_GOOD_RATIO, _BEARABLE_RATIO = (1e-4, 1e-2), (1e-5, 1e-1)
# Logits of a deviation s add about s**2 / 2 to log(K): half a nat where they are of
# unit size, and hardly less than nothing.
_GOOD_LOSS, _BEARABLE_LOSS = (-0.1, 1.0), (-0.5, 2.5)
PRIOR = 0.01  # of every class at every anchor: Lin et al. 2017, section 4.1
_GOOD_PRIOR, _BEARABLE_PRIOR = (0.005, 0.02), (0.001, 0.1)


@contextlib.contextmanager
def kept(model):
    """Inside, `model` may learn; afterwards it is as it was."""
    before = [v.numpy() for v in model.variables]
    try:
        yield model
    finally:
        for variable, value in zip(model.variables, before):
            variable.assign(value)


def initial(model, images, targets):
    """The check of the first loss that suits the model's task."""
    if model.task.name == "classification":
        return initial_loss(model, images, targets)
    if isinstance(model.task, SSDDetection):
        return initial_odds(model, images)
    return initial_prior(model, images)


def initial_loss(model, images, targets):
    """A classifier that knows nothing says log(K), the cross entropy of even odds.

    The hinge losses of K equal scores are K - 1.
    """
    task, count = model.task, len(model.task.class_names)
    with kept(model):
        losses = task.losses(model, images, targets, training=True)
    loss = float(losses[task.loss])
    if task.loss not in ("cross_entropy", "hinge", "squared_hinge"):
        verdict = PASS if math.isfinite(loss) else FAIL
        expected = f"a finite number: of {task.loss} no more is known"
        return Check(
            "initial loss", verdict, f"{loss:.3f}", expected, "Look at batch.png"
        )
    cross_entropy = task.loss == "cross_entropy"
    wanted = math.log(count) if cross_entropy else count - 1.0
    scale = 1.0 if cross_entropy else wanted
    verdict = grade(
        loss,
        [wanted + scale * end for end in _GOOD_LOSS],
        [wanted + scale * end for end in _BEARABLE_LOSS],
    )
    low, high = (wanted + scale * end for end in _GOOD_LOSS)
    words = f"log({count})" if cross_entropy else f"{count} - 1"
    advice = (
        "Much above: the logits begin too large, so scale them or their initial "
        "values down; below: labels out of range, or weights that have learnt already"
    )
    return Check(
        "initial loss",
        verdict,
        f"{loss:.3f}",
        f"{wanted:.3f} = {words}, between {low:.2f} and {high:.2f}",
        advice,
        {"loss": number(loss), "expected": wanted},
    )


def initial_prior(model, images):
    """A detector that knows nothing gives each class of each anchor one percent.

    Else the many anchors on background swamp the loss (Lin et al. 2017, section 3.3).
    """
    with kept(model):
        outputs = model(images, training=True)
    logits = keras.ops.convert_to_numpy(outputs["logits"]).astype("float64")
    prior = float(np.mean(1 / (1 + np.exp(-np.clip(logits, -500, 500)))))
    return Check(
        "prior of objects",
        grade(prior, _GOOD_PRIOR, _BEARABLE_PRIOR),
        f"{prior:.4f}",
        f"{PRIOR}, between {_GOOD_PRIOR[0]} and {_GOOD_PRIOR[1]}",
        "Set the bias of the last classification layer to -log(99) and its kernel near "
        "0; weights that have learnt already say more",
        {"prior": number(prior), "expected": PRIOR},
    )


def initial_odds(model, images):
    """An SSD that knows nothing gives all classes and background even odds: of the many
    anchors on background few count, so they need no prior."""
    with kept(model):
        outputs = model(images, training=True)
    odds = float(np.mean(keras.ops.convert_to_numpy(model.task.scores(outputs))))
    wanted = 1 / (1 + len(model.task.class_names))
    return Check(
        "prior of objects",
        grade(odds, (wanted / 2, wanted * 2), (wanted / 10, 1.0)),
        f"{odds:.4f}",
        f"{wanted:.4f}, between {wanted / 2:.4f} and {wanted * 2:.4f}",
        "The logits begin too large: scale their layer's initial values down; weights "
        "that have learnt already say more",
        {"prior": number(odds), "expected": wanted},
    )


def gradients(model, images, targets):
    """Whether every weight has a gradient, finite and not zero."""
    weights = model.trainable_variables

    @tf.function
    def compute():
        with tf.GradientTape() as tape:
            terms = model.task.losses(model, images, targets, training=True)
            loss = tf.add_n(list(terms.values()))
        found = tape.gradient(loss, weights)
        return [
            tf.zeros(w.shape) if g is None else tf.convert_to_tensor(g)
            for w, g in zip(weights, found)
        ]

    with kept(model):
        norms = [float(tf.norm(tf.cast(g, tf.float32))) for g in compute()]
    wild = [w.path for w, n in zip(weights, norms) if not math.isfinite(n)]
    dead = [w.path for w, n in zip(weights, norms) if n == 0]
    verdict, advice = PASS, ""
    if wild:
        verdict = FAIL
        advice = f"Not finite in {some(wild)}: look for log(0), 0/0 or float16 overflow"
    elif dead:
        verdict = FAIL if len(dead) > len(weights) / 2 else WARN
        advice = (
            f"Zero in {some(dead)}: units that are all dead, initial values of zero, "
            "or a part that this loss does not reach"
        )
    finite = [n for n in norms if math.isfinite(n)]
    total = math.sqrt(sum(n * n for n in finite))
    return Check(
        "gradients",
        verdict,
        f"{len(wild)} of {len(weights)} not finite, {len(dead)} zero, norm {total:.3g}",
        "all finite, none zero",
        advice,
        {"norms": {w.path: number(n) for w, n in zip(weights, norms)}},
    )


def dead_units(model, images):
    """The share of each ReLU layer's channels that no picture of a batch wakes."""
    tensors = _after_relus(model)
    if not tensors:
        return Check("dead ReLUs", PASS, "no ReLU in this model", "none dead")

    @tf.function
    def awake():
        found = tails(images, training=True)
        return {
            name: [
                tf.reduce_any(x > 0, axis=tuple(range(len(x.shape) - 1))) for x in xs
            ]
            for name, xs in found.items()
        }

    tails = keras.Model(model.input, tensors)
    with kept(model):
        any_awake = {
            name: np.any([x.numpy() for x in xs], axis=0)
            for name, xs in awake().items()
        }
    shares = {name: float(np.mean(~alive)) for name, alive in any_awake.items()}
    worst = max(shares, key=shares.get)
    return Check(
        "dead ReLUs",
        grade(shares[worst], (0, 0.3), (0, 0.7)),
        f"{shares[worst]:.0%} of {worst} in a batch of {len(images)} pictures, "
        f"{np.mean(list(shares.values())):.1%} over {len(shares)} layers",
        "at most 30 % in any layer",
        "Initial values too small or large, a learning rate that was too high, or "
        "pixels that are not normalised; batch normalization or a leaky ReLU help",
        {"shares": shares},
    )


def _after_relus(model):
    """{layer name: its outputs in `model`, (..., C)} of layers that end in a ReLU."""
    inside = {id(n) for nodes in model._nodes_by_depth.values() for n in nodes}
    found = {}
    for layer in model.layers:
        activation = getattr(layer, "activation", None)
        name = getattr(activation, "__name__", "")
        if name in ("relu", "relu6") or isinstance(layer, keras.layers.ReLU):
            nodes = [node for node in layer._inbound_nodes if id(node) in inside]
            found[layer.name] = [node.output_tensors[0] for node in nodes]
    return found


def update_ratios(model, step, stream, steps=20):
    """|update| / |weight| of each kernel, in the last of `steps` steps of training.

    Args:
      step: a `kzoo.train.TrainStep` of `model`, with the optimizer as it will be.
      stream: an iterator of batches.
    """
    kernels = [w for w in model.trainable_variables if "kernel" in w.name]
    with kept(model):
        if steps > 1:
            step(stream, tf.constant(steps - 1))
        before = [w.numpy().astype("float64") for w in kernels]
        step(stream, tf.constant(1))
        after = [w.numpy().astype("float64") for w in kernels]
    ratios = {}
    for kernel, old, new in zip(kernels, before, after):
        size = np.linalg.norm(old)
        if size > 0:
            ratios[kernel.path] = float(np.linalg.norm(new - old) / size)
    median = float(np.median(list(ratios.values()))) if ratios else math.nan
    ends = (min(ratios, key=ratios.get), max(ratios, key=ratios.get)) if ratios else ()
    span = " to ".join(f"{ratios[name]:.1e} ({name})" for name in ends)
    return Check(
        "size of updates over weights",
        grade(median, _GOOD_RATIO, _BEARABLE_RATIO),
        f"median {median:.1e} at step {steps}" + (f", {span}" if span else ""),
        f"about {RATIO:g}, a median of {_GOOD_RATIO[0]:g} to {_GOOD_RATIO[1]:g}",
        "Above: lower --learning_rate or warm up longer; below: raise it",
        {"ratios": {name: number(ratio) for name, ratio in ratios.items()}},
    )
