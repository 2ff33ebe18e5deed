"""Learning rates as functions of the step."""

import inspect
import math

import keras
from keras import ops

from kzoo.models.registry import parse

# Functions of progress 0..1, after the warm-up, to a factor of the learning rate; what
# else they take can be stated with their names: "step(at=(0.5, 0.75), factor=0.2)".


def constant(progress):
    return ops.ones_like(progress)


def cosine(progress, final=0.0):
    """Loshchilov and Hutter, ICLR 2017, without restarts; down to `final`."""
    return final + (1 - final) * 0.5 * (1 + ops.cos(math.pi * progress))


def linear(progress):
    return 1 - progress


def polynomial(progress, power=0.9):
    """DeepLab's power by default, section 4.1 of https://arxiv.org/abs/1606.00915."""
    return (1 - progress) ** power


def step(progress, at=(2 / 3, 8 / 9), factor=0.1):
    """Falls by `factor` at each of these parts of the run.

    By default Detectron's: a tenth at 60k and again at 80k of 90k.
    """
    passed = [ops.cast(progress >= place, "float32") for place in at]
    return factor ** sum(passed, ops.zeros_like(progress))


def exponential(progress, factor=0.94, times=50):
    """`times` equal falls by `factor` over the run, the first after one part of it."""
    # A little more, since 0.3 * 10 is less than 3 in float32.
    return factor ** ops.floor(progress * times + 1e-4)


def inverse(progress, k=9.0):
    """1 / (1 + k * progress): 1 over t, to 1 / (1 + k) of the rate at the end."""
    return 1 / (1 + k * progress)


def plateau(progress, factor=0.1):
    """Falls when the scores stop rising: see `Schedule.watch`."""
    return ops.ones_like(progress)


_KINDS = (
    constant,
    cosine,
    linear,
    polynomial,
    step,
    exponential,
    inverse,
    plateau,
)
SCHEDULES = {kind.__name__: kind for kind in _KINDS}


def check(text):
    """(name, {arguments}) of a schedule as a flag states it.

    Raises:
      ValueError: there is no such schedule or argument; it names those there are.
    """
    name, stated = parse(text)
    if name not in SCHEDULES:
        raise ValueError(f"no schedule {name!r}; kzoo has {', '.join(SCHEDULES)}")
    known = list(inspect.signature(SCHEDULES[name]).parameters)[1:]
    for argument in stated:
        if argument not in known:
            raise ValueError(
                f"{name} has no argument {argument!r}; "
                f"it has {', '.join(known) or 'none'}"
            )
    return name, stated


@keras.saving.register_keras_serializable("kzoo")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from zero, then one of `SCHEDULES` down to the last step.

    Args:
      rate: the highest learning rate.
      steps: of the whole run.
      kind: a name in `SCHEDULES`, or a call of it: "cosine(final=0.01)".
      warmup_steps: steps until `rate` is reached.
      patience: of "plateau": evaluations without a better score before the rate
        falls by its factor.

    Attributes:
      variables: what a checkpoint must hold of it.
    """

    def __init__(self, rate, steps, kind="cosine", warmup_steps=0, patience=2):
        self._name, self._stated = check(kind)
        if not 0 <= rate < math.inf:
            raise ValueError(f"the learning rate is {rate}; it can be 0 or above")
        self.rate, self.steps = rate, steps
        self.kind, self.warmup_steps = kind, warmup_steps
        self.patience = patience
        self.variables = []
        if self._name == "plateau":
            # In variables, so that the graph sees them change.
            self.factor = _number(1.0, "factor")
            self.best = _number(-1e30, "best")
            self.waited = _number(0.0, "waited")
            self.variables = [self.factor, self.best, self.waited]

    def __call__(self, step):
        step = ops.cast(step, "float32")
        warmup = ops.minimum((step + 1) / max(self.warmup_steps, 1), 1.0)
        left = max(self.steps - self.warmup_steps, 1)
        progress = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        share = SCHEDULES[self._name](progress, **self._stated)
        rate = self.rate * warmup * share
        return rate * self.factor if self._name == "plateau" else rate

    def watch(self, score):
        """Takes note of a score, the higher the better; only "plateau" cares."""
        if self._name != "plateau":
            return
        if score > float(self.best.numpy()):
            self.best.assign(score)
            self.waited.assign(0.0)
            return
        self.waited.assign_add(1.0)
        if float(self.waited.numpy()) >= self.patience:
            self.factor.assign(self.factor * self._stated.get("factor", 0.1))
            self.waited.assign(0.0)

    def get_config(self):
        names = ("rate", "steps", "kind", "warmup_steps", "patience")
        return {name: getattr(self, name) for name in names}


def _number(value, name):
    return keras.Variable(value, trainable=False, dtype="float32", name=name)


def inner(optimizer):
    """The optimizer itself, without the one that scales the loss around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def schedule_of(optimizer):
    """The `Schedule` that an optimizer follows, or None."""
    # Keras shows only the rate of now.
    followed = inner(optimizer)._learning_rate
    return followed if isinstance(followed, Schedule) else None


def learning_rate(optimizer, step):
    """The learning rate of a step, a float."""
    schedule = schedule_of(optimizer)
    rate = schedule(step) if schedule else inner(optimizer).learning_rate
    return float(rate.numpy())
