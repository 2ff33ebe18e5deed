"""YOLOX: the authors' names."""

import re

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published

BUILDERS = tuple(f"yolox_{size}" for size in ("nano", "tiny", "s", "m", "l", "x"))
# Beginnings of their names, and ours; {} counts levels from P3 on.
_PARTS = (
    (r"backbone\.backbone\.stem\.conv", "stem"),
    (r"backbone\.backbone\.dark5\.1", "stage5_spp"),
    (r"backbone\.backbone\.dark5\.2", "stage5_csp"),
    (r"backbone\.backbone\.dark(\d)\.0", r"stage\1"),
    (r"backbone\.backbone\.dark(\d)\.1", r"stage\1_csp"),
    (r"backbone\.lateral_conv0", "P5_lateral"),
    (r"backbone\.C3_p4", "P4_down"),
    (r"backbone\.reduce_conv1", "P4_lateral"),
    (r"backbone\.C3_p3", "P3"),
    (r"backbone\.bu_conv2", "P4_up"),
    (r"backbone\.C3_n3", "P4"),
    (r"backbone\.bu_conv1", "P5_up"),
    (r"backbone\.C3_n4", "P5"),
    (r"head\.stems\.(\d)", r"head_level\1"),
    (r"head\.cls_convs\.(\d)\.0", r"logits_level\1_1"),
    (r"head\.cls_convs\.(\d)\.1", r"logits_level\1_2"),
    (r"head\.reg_convs\.(\d)\.0", r"deltas_level\1_1"),
    (r"head\.reg_convs\.(\d)\.1", r"deltas_level\1_2"),
    (r"head\.cls_preds\.(\d)", r"logits_level\1"),
    (r"head\.reg_preds\.(\d)", r"deltas_level\1"),
    (r"head\.obj_preds\.(\d)", r"objectness_level\1"),
)
# What follows: the bottleneck, the convolution of the unit, its half if it is
# separable, and the layer.
_REST = re.compile(
    r"(?:\.m\.(\d+))?(?:\.conv([123]))?(?:\.([dp])conv)?(?:\.(conv|bn))?"
)


def megvii(layer):
    """'backbone.backbone.dark3.1.m.0.conv2.dconv.bn' ->
    'stage3_csp_block1_2_depthwise_bn'."""
    for pattern, part in _PARTS:
        begins = re.match(rf"{pattern}(?=\.|$)", layer)
        rest = begins and _REST.fullmatch(layer, begins.end())
        if rest:
            name = re.sub(
                r"level(\d)", lambda m: f"P{int(m[1]) + 3}", begins.expand(part)
            )
            return name + _ending(*rest.groups())
    return None


def _ending(block, unit, half, layer):
    return "".join(
        (
            f"_block{int(block) + 1}" if block else "",
            f"_{unit}" if unit else "",
            "_depthwise" if half == "d" else "",
            f"_{layer}" if layer else "",
        )
    )


LAYOUTS = (
    Layout(
        "Megvii YOLOX",
        BUILDERS,
        has("backbone.backbone.stem.conv.conv.weight", "head.obj_preds.0.weight"),
        from_torch(megvii),
    ),
)

_RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
_SCORES = (25.8, 32.8, 40.5, 46.9, 49.7, 51.1)
# Their publisher states no hashes.
PUBLISHED = tuple(
    Published(
        "coco",
        builder,
        f"{_RELEASE}{builder}.pth",
        "",
        "Apache-2.0",
        f"AP {score}",
        classes="coco",
    )
    for builder, score in zip(BUILDERS, _SCORES)
)
