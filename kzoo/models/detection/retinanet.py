"""RetinaNet, Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002, section 4.

`retinanet` is the paper's: P6 is a strided convolution of C5.
`retinanet_torchvision` is the one that PyTorch's weights were trained on: P6 comes
from P5, anchors are rounded to pixels and start at a cell's corner, 91 classes.
`retinanet_v2` is torchvision's better trained one: P6 from C5 again, group
normalization in the heads (Wu & He, ECCV 2018, https://arxiv.org/abs/1803.08494),
GIoU as the loss of boxes. It learns from scratch much faster than the others.
"""

import functools

from keras import layers

from kzoo.models.backbones import backbone_levels, backbone_model
from kzoo.models.base import Model
from kzoo.models.detection import heads
from kzoo.models.detection.fpn import feature_pyramid
from kzoo.models.registry import Paper, register
from kzoo.ops.anchors import Anchors, retinanet_anchors, torchvision_anchors
from kzoo.tasks.anchors import AnchorDetection

PAPER = Paper(
    "Lin, Goyal, Girshick, He, Dollar",
    "Focal Loss for Dense Object Detection",
    "ICCV 2017",
    "1708.02002",
)


def plain_layer(filters, name):
    """The layers of one step of a tower: convolution, ReLU."""
    return [heads.head_convolution(filters, name, activation="relu")]


def normalized_layer(filters, name):
    """Convolution, group normalization in 32 groups, ReLU."""
    return [
        heads.head_convolution(filters, name, use_bias=False),
        layers.GroupNormalization(32, epsilon=1e-5, name=f"{name}_gn"),
        layers.Activation("relu", name=f"{name}_act"),
    ]


def head(pyramid, outputs, tower, name, bias=0.0):
    """One subnet shared by all levels: {"Pk": (B, H, W, C)} to (B, N, outputs).

    `outputs` is (rows of an anchor, anchors at a position); `tower` as in `detector`.
    """
    of_anchor, anchors = outputs
    step, depth = tower
    features = heads.tower(pyramid, step, depth, name)
    last = heads.head_convolution(anchors * of_anchor, f"{name}_{depth + 1}", bias)
    features = {level: last(x) for level, x in features.items()}
    return heads.rows(features, of_anchor, name)


def detector(images, pyramid, classes, anchors, tower, name):
    """The model from `images` to raw outputs, and its task.

    `tower` is a function from a name to the layers of one step of a head, and the
    number of steps.
    """
    per_position = set(anchors.per_position)
    if len(anchors.strides) != len(heads.LEVELS) or len(per_position) != 1:
        raise ValueError(
            f"one head serves {len(heads.LEVELS)} levels with as many anchors at each; "
            f"these anchors have {anchors.per_position} a position"
        )
    count = per_position.pop()
    outputs = {
        "logits": head(pyramid, (classes, count), tower, "logits", heads.bias()),
        "deltas": head(pyramid, (4, count), tower, "deltas"),
    }
    model = Model(images, outputs, name=name)
    model.task = AnchorDetection(classes, anchors)
    return model


def chosen_anchors(anchors, default):
    """`anchors` as `Anchors`, from what a builder's argument may be."""
    if anchors is None:
        return default
    return anchors if isinstance(anchors, Anchors) else Anchors(**anchors)


@register(
    "detection",
    PAPER,
    37_968_692,
    None,
    "COCO test-dev AP 35.7 with ResNet-50 (table 1e)",
    "paper; size of the paper's network with 80 classes, counted with PyTorch",
)
def retinanet(
    classes=80,
    backbone="resnet50",
    input_shape=(512, 512, 3),
    anchors=None,
    filters=256,
    depth=4,
):
    """Maps images (B, H, W, 3) to one row for each of N anchors.

    Args:
      backbone: a builder's name, a call of it ("mobilenet_v2(width=0.35)"), or a
        model of features with "C3", "C4" and "C5".
      input_shape: (H, W, 3). Where H and W are None the network takes sides that
        are multiples of 32.
      anchors: a `kzoo.ops.anchors.Anchors` over the strides 8 to 128; the paper's
        by default. Small pictures want smaller ones.
      filters: channels of the pyramid and the heads; the paper's are 256.
      depth: convolutions in a head before its last; the paper's are 4.

    Returns:
      A model to {"logits": (B, N, classes), "deltas": (B, N, 4)}, float32, with the
      anchors in the order of `kzoo.ops.anchors`: level, row, column, shape.

    Raises:
      ValueError: for a backbone or anchors that do not fit.
    """
    backbone = backbone_model(backbone, input_shape)
    levels = backbone_levels(backbone)
    pyramid = feature_pyramid(levels, filters)
    pyramid |= heads.coarse_levels(levels["C5"], filters)
    anchors = chosen_anchors(anchors, retinanet_anchors())
    tower = functools.partial(plain_layer, filters), depth
    return detector(backbone.input, pyramid, classes, anchors, tower, "retinanet")


@register(
    "detection",
    PAPER,
    34_014_999 + 53_120,
    151.54e9,
    "COCO val AP 36.4",
    "torchvision 0.28, COCO_V1, which leaves out the 53,120 of its frozen batch norms",
)
def retinanet_torchvision(classes=91, backbone="resnet50", input_shape=(800, 1344, 3)):
    """As `retinanet`, with torchvision's P6 and anchors."""
    backbone = backbone_model(backbone, input_shape)
    pyramid = feature_pyramid(backbone_levels(backbone))
    pyramid |= heads.coarse_levels(pyramid["P5"], 256)
    tower = functools.partial(plain_layer, 256), 4
    name = "retinanet_torchvision"
    anchors = torchvision_anchors()
    return detector(backbone.input, pyramid, classes, anchors, tower, name)


@register(
    "detection",
    PAPER,
    38_198_935,
    152.238e9,
    "COCO val AP 41.5",
    "torchvision 0.28, retinanet_resnet50_fpn_v2, COCO_V1",
)
def retinanet_v2(
    classes=91,
    backbone="resnet50",
    input_shape=(800, 1344, 3),
    anchors=None,
    filters=256,
    depth=4,
):
    """As `retinanet`, with group normalization in the heads and the GIoU loss."""
    backbone = backbone_model(backbone, input_shape)
    levels = backbone_levels(backbone)
    pyramid = feature_pyramid(levels, filters)
    pyramid |= heads.coarse_levels(levels["C5"], filters)
    anchors = chosen_anchors(anchors, torchvision_anchors())
    tower = functools.partial(normalized_layer, filters), depth
    model = detector(backbone.input, pyramid, classes, anchors, tower, "retinanet_v2")
    model.task.box_loss = "giou"
    return model
