"""RetinaNet, Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002, section 4.

`retinanet` is the paper's: P6 is a strided convolution of C5.
`retinanet_torchvision` is the one that PyTorch's weights were trained on: P6 comes
from P5, anchors are rounded to pixels and start at a cell's corner, 91 classes.
"""

import math

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import he_normal
from kzoo.models.detection.fpn import convolution, feature_pyramid
from kzoo.models.registry import Paper, build, register
from kzoo.ops.anchors import Anchors, retinanet_anchors, torchvision_anchors
from kzoo.tasks.detection import AnchorDetection

PAPER = Paper(
    "Lin, Goyal, Girshick, He, Dollar",
    "Focal Loss for Dense Object Detection",
    "ICCV 2017",
    "1708.02002",
)
# Every class of every anchor starts from this probability (section 4.1).
PRIOR = 0.01
LEVELS = ("P3", "P4", "P5", "P6", "P7")


def head_convolution(filters, name, activation=None, bias=0.0):
    """A 3x3 convolution with the initial values of section 4.1."""
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation=activation,
        kernel_initializer=he_normal() if activation else keras.initializers.RandomNormal(0, 0.01),
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
    )


def head(pyramid, outputs, anchors, filters, depth, name, bias=0.0):
    """One subnet shared by all levels: {"Pk": (B, H, W, C)} to (B, N, outputs)."""
    tower = [
        head_convolution(filters, f"{name}_{i}", "relu") for i in range(1, depth + 1)
    ]
    last = head_convolution(anchors * outputs, f"{name}_{depth + 1}", bias=bias)
    rows = []
    for level in LEVELS:
        x = pyramid[level]
        for layer in [*tower, last]:
            x = layer(x)
        rows.append(layers.Reshape((-1, outputs), name=f"{name}_{level}")(x))
    return layers.Concatenate(axis=1, dtype="float32", name=name)(rows)


def coarse_levels(source, filters):
    """{"P6", "P7"}: strided convolutions of `source`, a ReLU between them."""
    p6 = convolution(filters, 3, strides=2, name="P6")(source)
    p7 = layers.Activation("relu", name="P6_act")(p6)
    return {"P6": p6, "P7": convolution(filters, 3, strides=2, name="P7")(p7)}


def detector(images, pyramid, classes, anchors, filters, depth, name):
    """The model from `images` to raw outputs, and its task."""
    per_position = set(anchors.per_position)
    if len(anchors.strides) != len(LEVELS) or len(per_position) != 1:
        raise ValueError(
            f"one head serves {len(LEVELS)} levels with as many anchors at each; "
            f"these anchors have {anchors.per_position} a position"
        )
    count = per_position.pop()
    bias = -math.log((1 - PRIOR) / PRIOR)
    outputs = {
        "logits": head(pyramid, classes, count, filters, depth, "logits", bias),
        "deltas": head(pyramid, 4, count, filters, depth, "deltas"),
    }
    model = Model(images, outputs, name=name)
    model.task = AnchorDetection(classes, anchors)
    return model


def backbone_model(backbone, input_shape):
    """A features model: `backbone` itself, or what builds one."""
    if isinstance(backbone, dict):
        return build(backbone["builder"], **backbone["arguments"])
    if isinstance(backbone, str):
        return build(backbone, classes=None, input_shape=input_shape)
    if not isinstance(backbone.output, dict):
        raise ValueError(f"{backbone.name} gives no features; build it by classes=None")
    return backbone


def backbone_levels(backbone):
    """C3, C4 and C5 of a features model."""
    missing = [c for c in ("C3", "C4", "C5") if c not in backbone.output]
    if missing:
        raise ValueError(
            f"{backbone.name} has no {', '.join(missing)}; "
            f"it has {', '.join(backbone.output)}"
        )
    return {c: backbone.output[c] for c in ("C3", "C4", "C5")}


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
    pyramid |= coarse_levels(levels["C5"], filters)
    if not isinstance(anchors, Anchors):
        anchors = Anchors(**anchors) if anchors else retinanet_anchors()
    name = "retinanet"
    return detector(backbone.input, pyramid, classes, anchors, filters, depth, name)


@register(
    "detection",
    PAPER,
    34_014_999 + 53_120,
    75.77e9,
    "COCO val AP 36.4",
    "torchvision 0.28, COCO_V1, which leaves out the 53,120 of its frozen batch norms",
)
def retinanet_torchvision(
    classes=91, backbone="resnet50", input_shape=(800, 1344, 3)
):
    """As `retinanet`, with torchvision's P6 and anchors."""
    backbone = backbone_model(backbone, input_shape)
    pyramid = feature_pyramid(backbone_levels(backbone))
    pyramid |= coarse_levels(pyramid["P5"], 256)
    name = "retinanet_torchvision"
    anchors = torchvision_anchors()
    return detector(backbone.input, pyramid, classes, anchors, 256, 4, name)
