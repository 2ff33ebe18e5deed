"""torchvision's names and layouts: state dicts of ResNet, MobileNetV2 and RetinaNet.

timm keeps torchvision's names for ResNet, so its files load too. A function of names
takes a layer's name to ours, or gives None for a name that it does not know.
"""

import re

_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_OTHERS = {"weight": "kernel", "bias": "bias"}
_KIND = {"0": "conv", "1": "bn"}


def resnet(layer):
    """'layer1.0.conv2' -> 'stage2_block1_2_conv'."""
    ends = {"conv1": "stem_conv", "bn1": "stem_bn", "fc": "logits"}
    pattern = r"layer(\d)\.(\d+)\.(?:(conv|bn)(\d)|downsample\.([01]))"
    found = re.fullmatch(pattern, layer)
    if not found:
        return ends.get(layer)
    stage, block, kind, number, shortcut = found.groups()
    part = f"{number}_{kind}" if kind else f"shortcut_{_KIND[shortcut]}"
    return f"stage{int(stage) + 1}_block{int(block) + 1}_{part}"


def mobilenet_v2(layer):
    """'features.2.conv.1.0' -> 'block2_depthwise_conv'."""
    found = re.fullmatch(r"features\.(0|18)\.([01])", layer)
    if found:
        return f"{'stem' if found[1] == '0' else 'head'}_{_KIND[found[2]]}"
    found = re.fullmatch(r"features\.(\d+)\.conv\.(\d)(?:\.([01]))?", layer)
    if not found:
        return "logits" if layer == "classifier.1" else None
    block, step, kind = found.groups()
    # The first block does not expand. The last convolution and its batch norm are
    # steps of their own, the others are pairs.
    parts = ["depthwise"] if block == "1" else ["expand", "depthwise"]
    if kind is None:
        return f"block{block}_project_{_KIND[str(int(step) - len(parts))]}"
    return f"block{block}_{parts[int(step)]}_{_KIND[kind]}"


def retinanet(layer):
    """'head.regression_head.conv.0.0' -> 'deltas_1'; its backbone is a ResNet.

    Version 2 has a group normalization beside each convolution of a tower.
    """
    ends = {
        "backbone.fpn.extra_blocks.p6": "P6",
        "backbone.fpn.extra_blocks.p7": "P7",
        "head.classification_head.cls_logits": "logits_5",
        "head.regression_head.bbox_reg": "deltas_5",
    }
    if layer.startswith("backbone.body."):
        return resnet(layer.removeprefix("backbone.body."))
    return ends.get(layer) or _pyramid(layer) or _tower(layer)


def _pyramid(layer):
    pattern = r"backbone\.fpn\.(inner|layer)_blocks\.(\d)(?:\.0)?"
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    level = f"P{int(found[2]) + 3}"
    return f"{level}_lateral" if found[1] == "inner" else level


def _tower(layer):
    pattern = r"head\.(classification|regression)_head\.conv\.(\d)(?:\.([01]))?"
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    # The published file is older than the pairs: it counts the ReLUs in between.
    number = int(found[2]) if found[3] else int(found[2]) // 2
    name = {"classification": "logits", "regression": "deltas"}[found[1]]
    return f"{name}_{number + 1}{'_gn' if found[3] == '1' else ''}"


def converter(rename):
    """The function from a state dict to our arrays that uses `rename` for layers."""

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
            is_norm = ours.endswith(("_bn", "_gn"))
            variables = _NORMALIZATION if is_norm else _OTHERS
            converted[f"{ours}/{variables[variable]}"] = _channels_last(array, ours)
        return converted

    return convert


def _channels_last(array, layer):
    if array.ndim == 4:
        # (out, in, h, w); a depthwise convolution has 1 in and the channels out.
        depthwise = layer.endswith("depthwise_conv")
        return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return array.T if array.ndim == 2 else array
