"""A small version of each builder: all of its layers, few channels, a small picture."""

from kzoo import models

SMALL = {
    "mobilenet_v2": {"classes": 5, "width": 0.25},
    "mobilenet_v2_torchvision": {"classes": 5, "width": 0.25},
    "resnet18": {"classes": 5, "width": 0.125},
    "resnet34": {"classes": 5, "width": 0.125},
    "resnet50": {"classes": 5, "width": 0.125},
    "resnet50_v1": {"classes": 5, "width": 0.125},
    "resnet101": {"classes": 5, "width": 0.0625},
    "resnet101_v1": {"classes": 5, "width": 0.0625},
    "resnet152": {"classes": 5, "width": 0.0625},
    "resnet152_v1": {"classes": 5, "width": 0.0625},
    "retinanet": {"classes": 5, "backbone": "resnet18(width=0.125)", "filters": 16},
    "retinanet_torchvision": {"classes": 5, "backbone": "resnet18(width=0.125)"},
    # Groups of four channels: normalized, one or two values say nothing of their size.
    "retinanet_v2": {"classes": 5, "backbone": "resnet18(width=0.125)", "filters": 128},
}
# Side of the pictures where 64 is too few for all of the strides.
SIDES = {}


def build_small(name, **arguments):
    """The small version of the builder called `name`."""
    side = SIDES.get(name, 64)
    return models.build(
        name, **{"input_shape": (side, side, 3), **SMALL[name], **arguments}
    )
