"""MobileNet v1: Keras' names, timm's, transformers' and the authors' TFLite order."""

import re

import numpy as np

from kzoo.weights import folded
from kzoo.weights.families import mobilenet_v2
from kzoo.weights.layout import Layout, from_keras, from_torch, has
from kzoo.weights.published import Published

# Blocks of table 1 between two strides, as timm groups them.
_DEPTHS = (1, 2, 2, 6, 2)


def keras_applications(layer):
    """'conv_dw_1_bn' -> 'block1_depthwise_bn'."""
    ends = {"conv1": "stem_conv", "conv1_bn": "stem_bn", "conv_preds": "logits"}
    found = re.fullmatch(r"conv_(dw|pw)_(\d+)(_bn)?", layer)
    if not found:
        return ends.get(layer)
    kind, block, norm = found.groups()
    part = "depthwise" if kind == "dw" else "pointwise"
    return f"block{block}_{part}_{'bn' if norm else 'conv'}"


def timm(layer):
    """'blocks.1.0.conv_dw' -> 'block2_depthwise_conv'."""
    ours = mobilenet_v2.timm(_DEPTHS, plain=5)(layer)
    return ours and ours.replace("project", "pointwise")


def transformers(layer):
    """'mobilenet_v1.layer.1.normalization' -> 'block1_pointwise_bn'."""
    pattern = r"mobilenet_v1\.(?:conv_stem|layer\.(\d+))\.(convolution|normalization)"
    found = re.fullmatch(pattern, layer)
    if not found:
        return "logits" if layer == "classifier" else None
    number, kind = found.groups()
    ending = "conv" if kind == "convolution" else "bn"
    if number is None:
        return f"stem_{ending}"
    block, step = divmod(int(number), 2)
    return f"block{block + 1}_{('depthwise', 'pointwise')[step]}_{ending}"


def matrices(convert, *layers):
    """`convert`, with the 1x1 kernels of some layers as the matrices that ours are."""

    def flattened(arrays):
        converted = convert(arrays)
        for kernel in (f"{layer}/kernel" for layer in layers):
            if np.ndim(converted.get(kernel)) == 4:
                converted[kernel] = converted[kernel][0, 0]
        return converted

    return flattened


def without_background(convert):
    """`convert`, without the first of 1001 classes."""

    def shortened(arrays):
        converted = convert(arrays)
        for name in ("logits/kernel", "logits/bias"):
            if converted[name].shape[-1] == 1001:
                converted[name] = converted[name][..., 1:]
        return converted

    return shortened


def tflite():
    """[(layer, operation)] in the order of the authors' graph."""
    layers = [("stem", "CONV_2D")]
    for block in range(1, 14):
        layers.append((f"block{block}_depthwise", "DEPTHWISE_CONV_2D"))
        layers.append((f"block{block}_pointwise", "CONV_2D"))
    return [*layers, ("logits", "CONV_2D")]


LAYOUTS = (
    Layout(
        "keras.applications MobileNet",
        ("mobilenet_v1",),
        has("conv_dw_1_bn/gamma", "conv_preds/bias"),
        matrices(from_keras(keras_applications), "logits"),
    ),
    Layout(
        "timm MobileNet v1",
        ("mobilenet_v1_timm",),
        has("blocks.3.5.conv_dw.weight", "blocks.4.1.bn2.running_mean"),
        from_torch(timm),
    ),
    Layout(
        "transformers MobileNetV1",
        ("mobilenet_v1",),
        has("mobilenet_v1.layer.25.convolution.weight"),
        without_background(from_torch(transformers)),
    ),
    Layout(
        "folded MobileNet v1",
        ("mobilenet_v1",),
        folded.has_operations(tflite()),
        folded.from_operations(tflite()),
    ),
)

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
# Width, as the files spell it, side of the pictures, score that TF-slim publishes.
_KERAS_PUBLISHED = (
    (1.0, "1_0", 224, "70.9 / 89.9"),
    (1.0, "1_0", 192, "70.0 / 89.2"),
    (1.0, "1_0", 160, "68.0 / 87.7"),
    (1.0, "1_0", 128, "65.2 / 85.8"),
    (0.75, "7_5", 224, "68.4 / 88.2"),
    (0.75, "7_5", 192, "67.2 / 87.3"),
    (0.75, "7_5", 160, "65.3 / 86.0"),
    (0.75, "7_5", 128, "62.1 / 83.9"),
    (0.5, "5_0", 224, "63.3 / 84.9"),
    (0.5, "5_0", 192, "61.7 / 83.6"),
    (0.5, "5_0", 160, "59.1 / 81.9"),
    (0.5, "5_0", 128, "56.3 / 79.4"),
    (0.25, "2_5", 224, "49.8 / 74.2"),
    (0.25, "2_5", 192, "47.7 / 72.3"),
    (0.25, "2_5", 160, "45.5 / 70.3"),
    (0.25, "2_5", 128, "41.5 / 66.3"),
)
PUBLISHED = (
    *(
        Published(
            "imagenet" if side == 224 else f"imagenet_{side}",
            "mobilenet_v1",
            f"{_KERAS}mobilenet_{spelt}_{side}_tf.h5",
            "",
            "Apache-2.0",
            score,
            {} if width == 1 else {"width": width},
        )
        for width, spelt, side, score in _KERAS_PUBLISHED
    ),
    Published(
        "imagenet",
        "mobilenet_v1_timm",
        "hf://timm/mobilenetv1_100.ra4_e3600_r224_in1k/model.safetensors",
        "",
        "Apache-2.0",
        "75.388 / 92.310",
    ),
)
