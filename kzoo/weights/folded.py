"""Arrays in the order of a TFLite or ncnn file, as inference graphs leave them.

The names are "NN:OPERATION:w" and "NN:OPERATION:b", NN counting the operations;
kernels are (out, h, w, in), depthwise ones (1, h, w, channels). Batch norm is folded
into them: what is left of it is its beta.
"""

import numpy as np

# Of the authors' MobileNets. Variance 1 - epsilon makes a batch norm divide by 1.
_EPSILON = 1e-3


def operations(names):
    """["00:CONV_2D", ...] in the order of the graph; [] for other names."""
    stems = {name.rpartition(":")[0] for name in names}
    if not all(stem.partition(":")[0].isdigit() for stem in stems):
        return []
    return sorted(stems, key=lambda stem: int(stem.partition(":")[0]))


def has_operations(layers):
    """The function of names that is true for those of `layers`, (layer, operation),
    with or without the last one: some graphs end in features."""
    kinds = [kind for _, kind in layers]

    def marks(names):
        found = [operation.partition(":")[2] for operation in operations(names)]
        return found in (kinds, kinds[:-1])

    return marks


def from_operations(layers):
    """The function from a file's arrays to ours that takes its operations in turn."""

    def convert(arrays):
        converted = {}
        for operation, (layer, _) in zip(operations(arrays), layers):
            # (out, h, w, in) -> (h, w, in, out), and a depthwise (1, h, w, channels)
            # -> (h, w, channels, 1).
            kernel = arrays[f"{operation}:w"].transpose(1, 2, 3, 0)
            bias = arrays[f"{operation}:b"]
            if layer == "logits":
                converted |= _without_background(kernel[0, 0], bias)
            else:
                converted |= _convolution(layer, kernel, bias)
        return converted

    return convert


def _convolution(layer, kernel, bias):
    return {
        f"{layer}_conv/kernel": kernel,
        f"{layer}_bn/gamma": np.ones_like(bias),
        f"{layer}_bn/beta": bias,
        f"{layer}_bn/moving_mean": np.zeros_like(bias),
        f"{layer}_bn/moving_variance": np.full_like(bias, 1 - _EPSILON),
    }


def _without_background(kernel, bias):
    """The authors' ImageNet networks have 1001 classes, the first for background."""
    first = 1 if len(bias) == 1001 else 0
    return {"logits/kernel": kernel[:, first:], "logits/bias": bias[first:]}
