"""Learning rates as functions of the step, and the optimizers that follow them."""

import math

import keras
from keras import ops

# From progress 0..1 after the warm-up to a factor of the learning rate.
SCHEDULES = {
    "constant": lambda progress: ops.ones_like(progress),
    "cosine": lambda progress: 0.5 * (1 + ops.cos(math.pi * progress)),
    "linear": lambda progress: 1 - progress,
    # DeepLab's power, section 4.1 of https://arxiv.org/abs/1606.00915.
    "polynomial": lambda progress: (1 - progress) ** 0.9,
    # Detectron's steps: a tenth at 60k and again at 80k of 90k.
    "step": lambda progress: 0.1
    ** (
        ops.cast(progress >= 2 / 3, "float32") + ops.cast(progress >= 8 / 9, "float32")
    ),
    # Falls when the scores stop rising: see `Schedule.watch`.
    "plateau": lambda progress: ops.ones_like(progress),
}


@keras.saving.register_keras_serializable("kzoo")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from zero, then one of `SCHEDULES` down to the last step.

    Args:
      rate: the highest learning rate.
      steps: of the whole run.
      kind: a name in `SCHEDULES`.
      warmup_steps: steps until `rate` is reached.
      patience: of "plateau": evaluations without a better score before the rate
        falls to a tenth.

    Attributes:
      variables: what a checkpoint must hold of it.
    """

    def __init__(self, rate, steps, kind="cosine", warmup_steps=0, patience=2):
        if kind not in SCHEDULES:
            raise ValueError(f"no schedule {kind!r}; kzoo has {', '.join(SCHEDULES)}")
        if not 0 <= rate < math.inf:
            raise ValueError(f"the learning rate is {rate}; it can be 0 or above")
        self.rate, self.steps = rate, steps
        self.kind, self.warmup_steps = kind, warmup_steps
        self.patience = patience
        self.variables = []
        if kind == "plateau":
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
        rate = self.rate * warmup * SCHEDULES[self.kind](progress)
        return rate * self.factor if self.kind == "plateau" else rate

    def watch(self, score):
        """Takes note of a score, the higher the better; only "plateau" cares."""
        if self.kind != "plateau":
            return
        if score > float(self.best.numpy()):
            self.best.assign(score)
            self.waited.assign(0.0)
            return
        self.waited.assign_add(1.0)
        if float(self.waited.numpy()) >= self.patience:
            self.factor.assign(self.factor * 0.1)
            self.waited.assign(0.0)

    def get_config(self):
        names = ("rate", "steps", "kind", "warmup_steps", "patience")
        return {name: getattr(self, name) for name in names}


def _number(value, name):
    return keras.Variable(value, trainable=False, dtype="float32", name=name)


OPTIMIZERS = ("sgd", "adam", "adamw")


def optimizer(name, learning_rate, weight_decay=0.0, ema_momentum=0.0):
    """The optimizer called `name`; with loss scaling under "mixed_float16".

    Args:
      learning_rate: a number or a `Schedule`.
      weight_decay: decoupled, of kernels only, for adamw. (The L2 of the papers that
        train with SGD is `kzoo.train.TrainStep`'s l2: the decay of Keras' SGD is ten
        times weaker under momentum 0.9, and is also that of biases and batch norms.)
      ema_momentum: above 0, an average of the weights is kept and evaluated.
    """
    average = {"use_ema": True, "ema_momentum": ema_momentum} if ema_momentum else {}
    if name == "sgd":
        made = keras.optimizers.SGD(learning_rate, momentum=0.9, **average)
    elif name == "adam":
        made = keras.optimizers.Adam(learning_rate, **average)
    elif name == "adamw":
        made = keras.optimizers.AdamW(
            learning_rate, weight_decay=weight_decay, **average
        )
        # A pattern that all names match except those with "kernel" in them.
        made.exclude_from_weight_decay(var_names=["^(?!.*kernel)"])
    else:
        raise ValueError(f"no optimizer {name!r}; kzoo has {', '.join(OPTIMIZERS)}")
    if keras.config.dtype_policy().name == "mixed_float16":
        made = keras.optimizers.LossScaleOptimizer(made)
    return made


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
