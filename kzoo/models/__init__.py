"""Every architecture: `kzoo.models.NAME(...)` builds it; this is the table of contents.

`names(task=None)` lists them, `build(name, ...)` builds by name, `card(name)` gives
the published facts.
"""

from kzoo.models.classification.mobilenet_v2 import (
    mobilenet_v2,
    mobilenet_v2_torchvision,
)
from kzoo.models.classification.resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet50_v1,
    resnet101,
    resnet101_v1,
    resnet152,
    resnet152_v1,
)
from kzoo.models.detection.retinanet import (
    retinanet,
    retinanet_torchvision,
    retinanet_v2,
)
from kzoo.models.registry import build, card, names

__all__ = [
    "build",
    "card",
    "mobilenet_v2",
    "mobilenet_v2_torchvision",
    "names",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet50_v1",
    "resnet101",
    "resnet101_v1",
    "resnet152",
    "resnet152_v1",
    "retinanet",
    "retinanet_torchvision",
    "retinanet_v2",
]
