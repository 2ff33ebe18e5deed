"""Xception: the author's names, keras.applications', and timm's."""

import re

import numpy as np

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.numbered import in_order
from kzoo.weights.published import Published

# Keras numbers the convolutions that its file does not name: the shortcuts, in order.
_SHORTCUTS = ("block2", "block3", "block4", "block13")


def keras_applications(layer):
    """'block2_sepconv1_bn' -> 'block2_1_pointwise_bn'."""
    found = re.fullmatch(r"block(\d+)_(conv|sepconv)(\d)(_bn)?", layer)
    if not found:
        return "logits" if layer == "predictions" else None
    block, kind, number, norm = found.groups()
    ending = "bn" if norm else "conv"
    if kind == "conv":
        return f"stem_{number}_{ending}"
    return f"block{block}_{number}_pointwise_{ending}"


def keras_arrays(arrays):
    """Theirs has both kernels of a separable convolution in one layer."""
    unnamed = in_order(arrays, [f"{block}_shortcut" for block in _SHORTCUTS])
    converted = {}
    for name, array in arrays.items():
        layer, _, variable = name.rpartition("/")
        ours = unnamed.get(layer) or keras_applications(layer)
        if variable.endswith("depthwise_kernel"):
            ours = ours.replace("pointwise", "depthwise")
        if variable.endswith("_kernel"):
            variable = "kernel"
        converted[f"{ours}/{variable}" if ours else name] = array
    return converted


def timm(layer):
    """'block1.rep.0.conv1' -> 'block2_1_depthwise_conv'; 'conv3.pointwise' ->
    'block14_1_pointwise_conv'."""
    found = re.fullmatch(r"block(\d+)\.(?:rep\.(\d+)(?:\.(\w+))?|skip(bn)?)", layer)
    if found:
        block, place, part, norm = found.groups()
        name = f"block{int(block) + 1}"
        if place is None:
            return f"{name}_shortcut_{'bn' if norm else 'conv'}"
        # A block is a list of ReLU, convolution, batch norm, ...; the first block's
        # begins with the convolution.
        step = int(place) + (1 if block == "1" else 0)
        return f"{name}_{step // 3 + 1}_{_SEPARABLE[part]}"
    found = re.fullmatch(r"(conv|bn)([1-4])(?:\.(\w+))?", layer)
    if not found:
        return "logits" if layer in ("fc", "last_linear") else None
    kind, number, part = found.groups()
    if int(number) > 2:
        return f"block14_{int(number) - 2}_{_SEPARABLE[part]}"
    return f"stem_{number}_{kind}"


def timm_arrays(arrays):
    """timm's batch norms have PyTorch's epsilon, 1e-5, and are measured so; ours has
    Keras', with which the weights were trained. What is missing goes to the variance.
    """
    converted = from_torch(timm)(arrays)
    for name in converted:
        if name.endswith("/moving_variance"):
            converted[name] = converted[name] + np.float32(1e-5 - 1e-3)
    return converted


_SEPARABLE = {
    "conv1": "depthwise_conv",
    "pointwise": "pointwise_conv",
    None: "pointwise_bn",
}

LAYOUTS = (
    Layout(
        "keras.applications Xception",
        ("xception",),
        has("block14_sepconv2_bn/gamma", "block1_conv1/kernel"),
        keras_arrays,
    ),
    Layout(
        "timm legacy_xception",
        ("xception",),
        has("block1.rep.0.conv1.weight", "block12.skipbn.running_mean"),
        timm_arrays,
    ),
)

PUBLISHED = (
    Published(
        "imagenet",
        "xception",
        "https://storage.googleapis.com/tensorflow/keras-applications/"
        "xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
        "md5:0a58e3b7378bc2990ea3b43d5981f1f6",
        "MIT",
        "79.0 / 94.5",
    ),
    Published(
        "tf_in1k",
        "xception",
        "hf://timm/legacy_xception.tf_in1k/model.safetensors",
        "",
        "Apache-2.0",
        "79.058 / 94.396",
    ),
)
