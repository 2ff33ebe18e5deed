"""Optimizers by name, with arguments as a flag can state them."""

import inspect

import keras

from kzoo.models.registry import parse


def sgd(learning_rate, momentum=0.9, nesterov=False, **settings):
    return keras.optimizers.SGD(learning_rate, momentum, nesterov, **settings)


def nesterov(learning_rate, momentum=0.9, **settings):
    return keras.optimizers.SGD(learning_rate, momentum, True, **settings)


def rmsprop(learning_rate, rho=0.9, momentum=0.9, epsilon=1e-7, **settings):
    return keras.optimizers.RMSprop(learning_rate, rho, momentum, epsilon, **settings)


def adagrad(learning_rate, initial_accumulator_value=0.1, epsilon=1e-7, **settings):
    return keras.optimizers.Adagrad(
        learning_rate, initial_accumulator_value, epsilon, **settings
    )


def adadelta(learning_rate, rho=0.95, epsilon=1e-7, **settings):
    return keras.optimizers.Adadelta(learning_rate, rho, epsilon, **settings)


def adam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **settings):
    return keras.optimizers.Adam(learning_rate, beta_1, beta_2, epsilon, **settings)


def adamw(
    learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.0, **settings
):
    rates = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    return keras.optimizers.AdamW(learning_rate, weight_decay, **rates, **settings)


def lamb(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **settings):
    """You et al., ICLR 2020, https://arxiv.org/abs/1904.00962. In Keras the decay is
    added outside of the trust ratio, in the paper inside of it.
    """
    return keras.optimizers.Lamb(learning_rate, beta_1, beta_2, epsilon, **settings)


_MAKERS = (sgd, nesterov, rmsprop, adagrad, adadelta, adam, adamw, lamb)
OPTIMIZERS = {maker.__name__: maker for maker in _MAKERS}
DECOUPLED = ("adamw", "lamb")  # those that take weight_decay


def optimizer(name, learning_rate, weight_decay=0.0, ema_momentum=0.0, rates=None):
    """The optimizer called `name`; with loss scaling under "mixed_float16".

    Args:
      name: one of `OPTIMIZERS`, or a call of it: "rmsprop(momentum=0.9, epsilon=1.0)".
      learning_rate: a number or a `kzoo.train.Schedule`.
      weight_decay: decoupled, of kernels only, for adamw and lamb. (The L2 of the
        papers that train with SGD is `kzoo.train.TrainStep`'s l2: the decay of Keras'
        SGD is ten times weaker under momentum 0.9, and is also that of biases and
        batch norms.)
      ema_momentum: above 0, an average of the weights is kept and evaluated.
      rates: a function of a weight's path to the factor of its learning rate.
    """
    name, stated = check(name)
    settings = {"use_ema": True, "ema_momentum": ema_momentum} if ema_momentum else {}
    if name in DECOUPLED:
        settings["weight_decay"] = weight_decay
    made = OPTIMIZERS[name](learning_rate, **{**settings, **stated})
    if name in DECOUPLED:
        # A pattern that all names match except those with "kernel" in them.
        made.exclude_from_weight_decay(var_names=["^(?!.*kernel)"])
    if rates:
        _set_rates(made, rates)
    if keras.config.dtype_policy().name == "mixed_float16":
        made = keras.optimizers.LossScaleOptimizer(made)
    return made


def check(text):
    """(name, {arguments}) of an optimizer as a flag states it.

    Raises:
      ValueError: there is no such optimizer or argument; it names those there are.
    """
    name, stated = parse(text)
    if name not in OPTIMIZERS:
        raise ValueError(f"no optimizer {name!r}; kzoo has {', '.join(OPTIMIZERS)}")
    known = list(inspect.signature(OPTIMIZERS[name]).parameters)[1:-1]
    known = [argument for argument in known if argument != "weight_decay"]
    for argument in stated:
        if argument not in known:
            raise ValueError(
                f"{name} has no argument {argument!r}; it has {', '.join(known)}"
            )
    # Keras refuses a momentum of 0 that is no float.
    return name, {k: float(v) if type(v) is int else v for k, v in stated.items()}


def _set_rates(optimizer, rates):
    """Makes each weight's step as long as with its own learning rate."""
    step = optimizer.update_step

    def update_step(gradient, variable, learning_rate):
        # What arrives may be one replica's part of a weight, which has no path.
        index = optimizer._get_variable_index(variable)
        factor = rates(optimizer._trainable_variables[index].path)
        return step(gradient, variable, learning_rate * factor)

    optimizer.update_step = update_step
