"""Modules of parallel branches, of which all Inception networks are made.

A module is a list of branches and a branch a tuple of steps, one after another. A step
is a row of what the network's convolution takes, (filters, size, ...), or a pooling, a
function of (x, name), or a list: a module of its own.
"""

from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import conv_without_bias


def mixed(x, module, conv, name):
    """All branches of `module` on `x`, (B, H, W, C), their channels side by side."""
    outputs = [
        chain(x, steps, conv, f"{name}_branch{i}") for i, steps in enumerate(module, 1)
    ]
    return layers.Concatenate(name=name)(outputs)


def chain(x, steps, conv, name):
    for i, step in enumerate(steps, 1):
        if isinstance(step, list):
            x = mixed(x, step, conv, f"{name}_{i}")
        elif callable(step):
            x = step(x, name=f"{name}_{i}_pool")
        else:
            x = conv(x, *step, name=f"{name}_{i}")
    return x


def names(module, name):
    """The names of a module's convolutions, in the order that `mixed` makes them in."""
    found = []
    for number, steps in enumerate(module, 1):
        for i, step in enumerate(steps, 1):
            place = f"{name}_branch{number}_{i}"
            if isinstance(step, list):
                found += names(step, place)
            elif not callable(step):
                found.append(place)
    return found


def conv(x, filters, size, strides=1, padding=None, name=None):
    """Convolution, batch normalization and ReLU, as from Inception v3 on.

    Where it strides it does not pad, unless `padding` says otherwise.
    """
    x = conv_without_bias(
        x,
        filters,
        size,
        strides,
        padding or ("same" if strides == 1 else "valid"),
        f"{name}_conv",
    )
    x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def widened(conv, width):
    """`conv` with `width` times the filters that it is told."""

    def wide(x, filters, *row, **keywords):
        return conv(x, max(1, round(filters * width)), *row, **keywords)

    return wide


def average_pool(x, name):
    """The mean of the neighbours that are inside the picture."""
    return layers.AveragePooling2D(3, 1, padding="same", name=name)(x)


def padded_average_pool(x, name):
    """The mean of nine neighbours, of which those outside count as zeros."""
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.AveragePooling2D(3, 1, name=name)(x)


def max_pool(x, name):
    return layers.MaxPooling2D(3, 1, padding="same", name=name)(x)


def strided_max_pool(x, name):
    return layers.MaxPooling2D(3, 2, name=name)(x)


def with_auxiliary(model, heads):
    """The classifier `model` with outputs {"logits": ..., **heads}.

    `heads` are {"auxiliary1": (B, classes), ...}: they help to learn, and the files
    that `kzoo.deploy` writes have none of them.
    """
    outputs = {"logits": model.output, **heads}
    whole = Model(model.input, outputs, name=model.name)
    whole.task = model.task
    return whole
