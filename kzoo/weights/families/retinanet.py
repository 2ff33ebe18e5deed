"""RetinaNet: torchvision's names; its backbone is a ResNet."""

import re

from kzoo.weights.families import resnet
from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of


def torchvision(layer):
    """'head.regression_head.conv.0.0' -> 'deltas_1'.

    Version 2 has a group normalization beside each convolution of a tower.
    """
    ends = {
        "backbone.fpn.extra_blocks.p6": "P6",
        "backbone.fpn.extra_blocks.p7": "P7",
        "head.classification_head.cls_logits": "logits_5",
        "head.regression_head.bbox_reg": "deltas_5",
    }
    if layer.startswith("backbone.body."):
        return resnet.torchvision(layer.removeprefix("backbone.body."))
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


LAYOUTS = (
    Layout(
        "torchvision RetinaNet v2",
        ("retinanet_v2", "resnet50"),
        has("backbone.body.conv1.weight", "head.regression_head.conv.0.1.weight"),
        from_torch(torchvision),
    ),
    Layout(
        "torchvision RetinaNet",
        ("retinanet_torchvision", "resnet50"),
        has("backbone.body.conv1.weight", "head.regression_head.bbox_reg.weight"),
        from_torch(torchvision),
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_PUBLISHED = (
    ("retinanet_torchvision", "retinanet_resnet50_fpn_coco-eeacb38b.pth", "AP 36.4"),
    ("retinanet_v2", "retinanet_resnet50_fpn_v2_coco-5905b1c5.pth", "AP 41.5"),
)
PUBLISHED = tuple(
    Published(
        "coco",
        builder,
        _PYTORCH + file,
        sha256_of(file),
        "BSD-3",
        score,
        classes="coco91",
    )
    for builder, file, score in _PUBLISHED
)
