"""How publishers name and shape weights, and the steps from theirs to ours.

The functions of names, one for each publisher of a family, are in
`kzoo.weights.families`: they take a layer's name to ours, or give None for a name that
they do not know.
"""

import dataclasses
from collections.abc import Callable

_TORCH_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_TORCH_OTHERS = {"weight": "kernel", "bias": "bias"}
_CAFFE_BLOBS = {"0": "kernel", "1": "bias"}
# Layers with such names hold a normalization; all others a kernel and a bias.
_NORMALIZATIONS = ("_bn", "_gn", "_ln")
# "0" and "1" of PyTorch's Sequential(convolution, batch norm).
PAIR = {"0": "conv", "1": "bn"}


@dataclasses.dataclass(frozen=True)
class Layout:
    """One publisher's way to name and shape the weights of one family.

    Attributes:
      origin: whose they are, for messages.
      builders: ours that compute as theirs do, with the weights or a part of them.
        Others have the same shapes and give other results (stride, padding, pixels).
      marks: names -> whether they are of such a file.
      convert: from their {name: array} to ours.
    """

    origin: str
    builders: tuple
    marks: Callable
    convert: Callable


def has(*marks):
    """The function of names that is true where all of `marks` are among them."""
    return lambda names: set(marks) <= set(names)


def from_torch(rename):
    """The function from a PyTorch state dict to our arrays, by `rename` of layers."""

    def convert(arrays):
        converted = {}
        for name, array in arrays.items():
            layer, _, variable = name.rpartition(".")
            if variable == "num_batches_tracked":
                continue
            ours = rename(layer)
            if ours is None:
                converted[name] = array
                continue
            is_norm = ours.endswith(_NORMALIZATIONS)
            variables = _TORCH_NORMALIZATION if is_norm else _TORCH_OTHERS
            converted[f"{ours}/{variables[variable]}"] = _channels_last(array, ours)
        return converted

    return convert


def _channels_last(array, layer):
    if array.ndim == 4:
        # (out, in, h, w); a depthwise convolution has 1 in and the channels out.
        depthwise = layer.endswith("depthwise_conv")
        return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return array.T if array.ndim == 2 else array


# What keras.applications' "predictions" were called when some files were made.
_OLD_PREDICTIONS = ("Logits", "fc1000", "probs")


def from_keras(rename):
    """The function from Keras' weights to ours, by `rename` of layers."""

    def convert(arrays):
        converted = {}
        for name, array in arrays.items():
            layer, _, variable = name.rpartition("/")
            ours = rename(layer)
            if ours is None and layer in _OLD_PREDICTIONS:
                ours = rename("predictions")
            converted[f"{ours}/{variable}" if ours else name] = array
        return converted

    return convert


def from_caffe(rename):
    """The function from Caffe's blobs, "LAYER/0" the weights and "LAYER/1" the biases,
    to ours, by `rename` of layers."""

    def convert(arrays):
        converted = {}
        for name, array in arrays.items():
            layer, _, number = name.rpartition("/")
            ours = rename(layer)
            if ours is None or number not in _CAFFE_BLOBS:
                converted[name] = array
                continue
            variable = _CAFFE_BLOBS[number]
            converted[f"{ours}/{variable}"] = _channels_last(array, ours)
        return converted

    return convert


def channels_last_rows(kernel, height, width):
    """A dense kernel (C * h * w, units) with its rows in our order, (h * w * C, units).

    For the layer after flattening: PyTorch and Caffe have channels first.
    """
    units = kernel.shape[-1]
    rows = kernel.reshape((-1, height, width, units))
    return rows.transpose((1, 2, 0, 3)).reshape((-1, units))
