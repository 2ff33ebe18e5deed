"""keras.applications' names: ResNet-50/101/152 (v1) and MobileNetV2.

Layouts are ours already. A function of names takes a layer's name to ours, or gives
None for a name that it does not know.
"""

import re

# keras.applications has 1.001e-5 in its ResNets' batch norms; ours have 1e-5.
_EXTRA_EPSILON = 1.001e-5 - 1e-5


def resnet(layer):
    """'conv2_block1_0_bn' -> 'stage2_block1_shortcut_bn'."""
    ends = {"conv1_conv": "stem_conv", "conv1_bn": "stem_bn", "predictions": "logits"}
    found = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer)
    if not found:
        return ends.get(layer)
    stage, block, number, kind = found.groups()
    part = "shortcut" if number == "0" else number
    return f"stage{stage}_block{block}_{part}_{kind}"


def mobilenet_v2(layer):
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


def converter(rename):
    """The function from Keras' weights to ours that uses `rename` for layers."""

    def convert(arrays):
        converted = {}
        for name, array in arrays.items():
            layer, _, variable = name.rpartition("/")
            ours = rename(layer)
            converted[f"{ours}/{variable}" if ours else name] = array
        return converted

    return convert


def resnet_arrays(arrays):
    """ResNet's: our convolutions have no biases, so these move into the mean that
    the batch norm after them subtracts."""
    converted = converter(resnet)(arrays)
    for name in [name for name in converted if name.endswith("_conv/bias")]:
        mean = name.replace("_conv/bias", "_bn/moving_mean")
        converted[mean] = converted[mean] - converted.pop(name)
    for name in converted:
        if name.endswith("/moving_variance"):
            converted[name] = converted[name] + _EXTRA_EPSILON
    return converted
