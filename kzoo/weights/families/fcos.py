"""FCOS: torchvision's names, and the authors'; the backbone is a ResNet.

The authors' batch norms add nothing to the variance, and their pixels are BGR minus
(103.0, 115.9, 122.8), where `resnet50_v1` subtracts (103.9, 116.8, 123.7).
"""

import re

from kzoo.weights.families import resnet, retinanet
from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of

_EPSILON = 1e-5  # of our batch norms


def torchvision(layer):
    """'head.regression_head.conv.0' -> 'deltas_1', '...conv.1' -> 'deltas_1_gn'."""
    ends = {
        "head.classification_head.cls_logits": "logits_5",
        "head.regression_head.bbox_reg": "deltas_5",
        "head.regression_head.bbox_ctrness": "centerness_5",
    }
    pattern = r"head\.(classification|regression)_head\.conv\.(\d+)"
    return ends.get(layer) or _tower(pattern, layer) or retinanet.torchvision(layer)


def authors(layer):
    """'rpn.head.bbox_tower.0' -> 'deltas_1', 'backbone.fpn.fpn_layer2' -> 'P3'."""
    ends = {
        "backbone.fpn.top_blocks.p6": "P6",
        "backbone.fpn.top_blocks.p7": "P7",
        "rpn.head.cls_logits": "logits_5",
        "rpn.head.bbox_pred": "deltas_5",
        "rpn.head.centerness": "centerness_5",
    }
    if layer.startswith("backbone.body."):
        layer = layer.removeprefix("backbone.body.").removeprefix("stem.")
        return resnet.torchvision(layer)
    pattern = r"rpn\.head\.(cls|bbox)_tower\.(\d+)"
    return ends.get(layer) or _tower(pattern, layer) or _pyramid(layer)


def _tower(pattern, layer):
    """Steps of three: convolution, normalization, ReLU."""
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    step, part = divmod(int(found[2]), 3)
    name = "logits" if found[1].startswith("cl") else "deltas"
    return f"{name}_{step + 1}{'_gn' if part == 1 else ''}"


def _pyramid(layer):
    found = re.fullmatch(r"backbone\.fpn\.fpn_(inner|layer)(\d)", layer)
    if not found:
        return None
    level = f"P{int(found[2]) + 1}"
    return f"{level}_lateral" if found[1] == "inner" else level


def authors_arrays(arrays):
    """Their scales become ours, and their variances lose what ours get added."""
    scales = {}
    for name in [name for name in arrays if name.endswith(".scale")]:
        level = int(name.split(".")[-2]) + 3
        scales[f"deltas_P{level}_scale/scale"] = arrays[name]
    others = {k: x for k, x in arrays.items() if not k.endswith(".scale")}
    converted = from_torch(authors)(others)
    for name, array in converted.items():
        if name.endswith("_bn/moving_variance"):
            converted[name] = array - _EPSILON
    return converted | scales


LAYOUTS = (
    Layout(
        "torchvision FCOS",
        ("fcos_torchvision", "resnet50"),
        has("backbone.body.conv1.weight", "head.regression_head.bbox_ctrness.weight"),
        from_torch(torchvision),
    ),
    Layout(
        "FCOS of its authors",
        ("fcos", "fcos_original", "resnet50_v1"),
        has("backbone.body.stem.conv1.weight", "rpn.head.centerness.weight"),
        authors_arrays,
    ),
)

_PYTORCH = "https://download.pytorch.org/models/fcos_resnet50_fpn_coco-99b0c9b7.pth"
_AUTHORS = (
    ("fcos", "FCOS_imprv_R_50_FPN_1x.pth", "AP 38.7"),
    ("fcos_original", "FCOS_R_50_FPN_1x.pth", "AP 37.1"),
)
PUBLISHED = (
    Published(
        "coco",
        "fcos_torchvision",
        _PYTORCH,
        sha256_of(_PYTORCH),
        "BSD-3",
        "AP 39.2",
        classes="coco91",
    ),
    *(
        Published(
            "coco",
            builder,
            f"hf://tianzhi/FCOS/{file}",
            "",
            "BSD-2-Clause, academic use",
            score,
            arguments={"backbone": "resnet50_v1"},
            classes="coco",
        )
        for builder, file, score in _AUTHORS
    ),
)
