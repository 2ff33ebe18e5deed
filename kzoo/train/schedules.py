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
    ** ops.cast((progress >= 2 / 3) + 0.0 + (progress >= 8 / 9), "float32"),
}


@keras.saving.register_keras_serializable("kzoo")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from zero, then one of `SCHEDULES` down to the last step.

    Args:
      rate: the highest learning rate.
      steps: of the whole run.
      kind: a name in `SCHEDULES`.
      warmup_steps: steps until `rate` is reached.
    """

    def __init__(self, rate, steps, kind="cosine", warmup_steps=0):
        if kind not in SCHEDULES:
            raise ValueError(f"no schedule {kind!r}; kzoo has {', '.join(SCHEDULES)}")
        self.rate, self.steps = rate, steps
        self.kind, self.warmup_steps = kind, warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        warmup = ops.minimum((step + 1) / max(self.warmup_steps, 1), 1.0)
        left = max(self.steps - self.warmup_steps, 1)
        progress = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        return self.rate * warmup * SCHEDULES[self.kind](progress)

    def get_config(self):
        return {
            "rate": self.rate,
            "steps": self.steps,
            "kind": self.kind,
            "warmup_steps": self.warmup_steps,
        }


OPTIMIZERS = ("sgd", "adam", "adamw")


def optimizer(name, learning_rate, weight_decay=0.0, ema_momentum=0.0):
    """The optimizer called `name`.

    Args:
      learning_rate: a number or a `Schedule`.
      weight_decay: decoupled, of kernels only, for adamw. (For the L2 of the
        papers that train with SGD see `kzoo.train.TrainStep`: Keras' SGD decays ten
        times less than they do, and also biases and batch norms.)
      ema_momentum: above 0, an average of the weights is kept and evaluated.
    """
    # Named, since Keras numbers the optimizers of a process and a state is kept by
    # the names of its variables.
    options = {"name": name, "learning_rate": learning_rate}
    if ema_momentum:
        options |= {"use_ema": True, "ema_momentum": ema_momentum}
    if name == "sgd":
        made = keras.optimizers.SGD(momentum=0.9, **options)
    elif name == "adam":
        made = keras.optimizers.Adam(**options)
    elif name == "adamw":
        made = keras.optimizers.AdamW(weight_decay=weight_decay, **options)
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    else:
        raise ValueError(f"no optimizer {name!r}; kzoo has {', '.join(OPTIMIZERS)}")
    if keras.config.dtype_policy().name == "mixed_float16":
        made = keras.optimizers.LossScaleOptimizer(made, name="loss_scale")
    return made
