"""MobileNetV2: torchvision's names, Keras' and those of the authors' TFLite files."""

import re

from kzoo.weights import folded
from kzoo.weights.layout import PAIR, Layout, from_keras, from_torch, has


def torchvision(layer):
    """'features.2.conv.1.0' -> 'block2_depthwise_conv'."""
    found = re.fullmatch(r"features\.(0|18)\.([01])", layer)
    if found:
        return f"{'stem' if found[1] == '0' else 'head'}_{PAIR[found[2]]}"
    found = re.fullmatch(r"features\.(\d+)\.conv\.(\d)(?:\.([01]))?", layer)
    if not found:
        return "logits" if layer == "classifier.1" else None
    block, step, kind = found.groups()
    # The first block does not expand. The last convolution and its batch norm are
    # steps of their own, the others are pairs.
    parts = ["depthwise"] if block == "1" else ["expand", "depthwise"]
    if kind is None:
        return f"block{block}_project_{PAIR[str(int(step) - len(parts))]}"
    return f"block{block}_{parts[int(step)]}_{PAIR[kind]}"


def keras_applications(layer):
    """'block_1_expand_BN' -> 'block2_expand_bn'."""
    ends = {
        "Conv1": "stem_conv",
        "bn_Conv1": "stem_bn",
        "Conv_1": "head_conv",
        "Conv_1_bn": "head_bn",
        "predictions": "logits",
    }
    pattern = r"(?:expanded_conv|block_(\d+))_(expand|depthwise|project)(_BN)?"
    found = re.fullmatch(pattern, layer)
    if not found:
        return ends.get(layer)
    number, part, norm = found.groups()
    return f"block{int(number or 0) + 1}_{part}_{'bn' if norm else 'conv'}"


def tflite():
    """[(layer, operation)] in the order of the authors' graph."""
    layers = [("stem", "CONV_2D")]
    for block in range(1, 18):
        if block > 1:
            layers.append((f"block{block}_expand", "CONV_2D"))
        layers.append((f"block{block}_depthwise", "DEPTHWISE_CONV_2D"))
        layers.append((f"block{block}_project", "CONV_2D"))
    return [*layers, ("head", "CONV_2D"), ("logits", "CONV_2D")]


LAYOUTS = (
    Layout(
        "torchvision MobileNetV2",
        ("mobilenet_v2_torchvision",),
        has("features.0.0.weight", "features.17.conv.3.running_mean"),
        from_torch(torchvision),
    ),
    Layout(
        "keras.applications MobileNetV2",
        ("mobilenet_v2",),
        has("bn_Conv1/gamma", "expanded_conv_project/kernel"),
        from_keras(keras_applications),
    ),
    Layout(
        "folded MobileNetV2",
        ("mobilenet_v2",),
        folded.has_operations(tflite()),
        folded.from_operations(tflite()),
    ),
)

PUBLISHED = ()
