"""Every architecture: `kzoo.models.NAME(...)` builds it; this is the table of contents.

`names(task=None)` lists them, `build(name, ...)` builds by name, `card(name)` gives
the published facts.
"""

from kzoo.models.classification.efficientnet import (
    efficientnet_b0,
    efficientnet_b0_torchvision,
    efficientnet_b1,
    efficientnet_b1_torchvision,
    efficientnet_b2,
    efficientnet_b2_torchvision,
    efficientnet_b3,
    efficientnet_b3_torchvision,
    efficientnet_b4,
    efficientnet_b4_torchvision,
    efficientnet_b5,
    efficientnet_b5_torchvision,
    efficientnet_b6,
    efficientnet_b6_torchvision,
    efficientnet_b7,
    efficientnet_b7_torchvision,
)
from kzoo.models.classification.mobilenet_v1 import mobilenet_v1, mobilenet_v1_timm
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
from kzoo.models.classification.resnet_cifar import (
    resnet20_cifar,
    resnet32_cifar,
    resnet44_cifar,
    resnet56_cifar,
    resnet110_cifar,
)
from kzoo.models.classification.xception import (
    xception,
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
    "efficientnet_b0",
    "efficientnet_b0_torchvision",
    "efficientnet_b1",
    "efficientnet_b1_torchvision",
    "efficientnet_b2",
    "efficientnet_b2_torchvision",
    "efficientnet_b3",
    "efficientnet_b3_torchvision",
    "efficientnet_b4",
    "efficientnet_b4_torchvision",
    "efficientnet_b5",
    "efficientnet_b5_torchvision",
    "efficientnet_b6",
    "efficientnet_b6_torchvision",
    "efficientnet_b7",
    "efficientnet_b7_torchvision",
    "mobilenet_v1",
    "mobilenet_v1_timm",
    "mobilenet_v2",
    "mobilenet_v2_torchvision",
    "names",
    "resnet18",
    "resnet20_cifar",
    "resnet32_cifar",
    "resnet34",
    "resnet44_cifar",
    "resnet50",
    "resnet50_v1",
    "resnet56_cifar",
    "resnet101",
    "resnet101_v1",
    "resnet110_cifar",
    "resnet152",
    "resnet152_v1",
    "retinanet",
    "retinanet_torchvision",
    "retinanet_v2",
    "xception",
]
