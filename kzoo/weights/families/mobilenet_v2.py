"""MobileNetV2: torchvision's names, Keras' and those of the authors' TFLite files."""

import re

from kzoo.weights import folded
from kzoo.weights.layout import PAIR, Layout, from_keras, from_torch, has
from kzoo.weights.published import Published, sha256_of

# Blocks of table 2 in each of its rows.
_DEPTHS = (1, 2, 3, 4, 3, 3, 1)


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


def timm(depths):
    """The function of names of a network of so many blocks in each stage, where the
    first stage does not expand: 'blocks.1.0.conv_dw' -> 'block2_depthwise_conv'."""
    ends = {
        "conv_stem": "stem_conv",
        "bn1": "stem_bn",
        "conv_head": "head_conv",
        "bn2": "head_bn",
        "classifier": "logits",
    }
    plain = {
        "conv_dw": "depthwise_conv",
        "bn1": "depthwise_bn",
        "conv_pw": "project_conv",
        "bn2": "project_bn",
    }
    expanding = {
        "conv_pw": "expand_conv",
        "bn1": "expand_bn",
        "conv_dw": "depthwise_conv",
        "bn2": "depthwise_bn",
        "conv_pwl": "project_conv",
        "bn3": "project_bn",
    }
    squeezing = {"se.conv_reduce": "se_1_conv", "se.conv_expand": "se_2_conv"}

    def rename(layer):
        found = re.fullmatch(r"blocks\.(\d)\.(\d+)\.(.+)", layer)
        if not found:
            return ends.get(layer)
        stage, block = int(found[1]), int(found[2])
        names = plain if stage == 0 or "project" not in depths else expanding
        part = (names | squeezing).get(found[3])
        return part and f"block{sum(depths[:stage]) + block + 1}_{part}"

    return rename


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
