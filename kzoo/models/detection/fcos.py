"""FCOS, Tian, Shen, Chen, He, ICCV 2019, https://arxiv.org/abs/1904.01355.

P6 comes from P5 in all of them, and the heads have group normalization.
`fcos` has the improvements of the paper's table 3, which its authors advise to use
(https://github.com/tianzhi0549/FCOS, "imprv"): centre-ness beside the boxes, centre
sampling of 1.5 strides, GIoU, distances of ReLU(s_k * x) strides with one s_k to learn
for each level. Their GIoU adds the area of a cell to intersection and union; ours is
the plain one.
`fcos_original` is section 3: centre-ness beside the classes, every point in a box,
-log of the IoU, exp(s_k * x) pixels.
`fcos_torchvision` is `fcos` as PyTorch's weights have it: no scale is learnt, points
lie on the left top corner of a cell, boxes count alike where the authors' code weighs
them by centre-ness, 91 classes.

The authors' weights fit on `resnet50_v1`. Scores are the root of class * centre-ness,
as in their code and their paper of 2021 (https://arxiv.org/abs/2006.09214); the paper
of 2019 has the product, which gives the same order. NMS at 0.6 is from the code too.
"""

import functools

import keras
from keras import layers

from kzoo.models.backbones import backbone_levels, backbone_model
from kzoo.models.base import Model
from kzoo.models.detection import heads
from kzoo.models.detection.fpn import feature_pyramid
from kzoo.models.registry import Paper, register
from kzoo.ops.points import Points
from kzoo.tasks.points import PointDetection

PAPER = Paper(
    "Tian, Shen, Chen, He",
    "FCOS: Fully Convolutional One-Stage Object Detection",
    "ICCV 2019",
    "1904.01355",
)


@keras.saving.register_keras_serializable("kzoo")
class Scale(layers.Layer):
    """One number to learn, 1 at first, times all of (..., C) (section 3.2)."""

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(1,), initializer="ones")

    def call(self, x):
        return x * self.scale


def normalized_layer(filters, name):
    """Convolution with a bias, group normalization in 32 groups, ReLU."""
    return [
        heads.head_convolution(filters, name),
        layers.GroupNormalization(32, epsilon=1e-5, name=f"{name}_gn"),
        layers.Activation("relu", name=f"{name}_act"),
    ]


def prediction(features, outputs, name, bias=0.0):
    """{"Pk": (B, H, W, outputs)} by one convolution for all levels."""
    layer = heads.head_convolution(outputs, name, bias)
    return {level: layer(x) for level, x in features.items()}


def scaled(features, name):
    """{"Pk": (B, H, W, C)}, each level times its own number."""
    return {
        level: Scale(dtype="float32", name=f"{name}_{level}_scale")(x)
        for level, x in features.items()
    }


def pyramid_of(backbone, filters):
    """P3 to P7, the last two made of P5."""
    pyramid = feature_pyramid(backbone_levels(backbone), filters)
    return pyramid | heads.coarse_levels(pyramid["P5"], filters)


def towers(backbone, filters, depth):
    """What the two branches see of each level: (of the classes, of the boxes)."""
    pyramid = pyramid_of(backbone, filters)
    step = functools.partial(normalized_layer, filters)
    return tuple(
        heads.tower(pyramid, step, depth, name) for name in ("logits", "deltas")
    )


def improve(task):
    """Table 3: "ctr. sampling", "GIoU", "Normalization"."""
    task.radius, task.box_loss, task.distance = 1.5, "giou", "relu"


def detector(images, predictions, points, name):
    """The model from `images` to {output: (B, N, ...)}, and its task.

    `predictions` are {"logits", "deltas", "centerness": {"Pk": (B, H, W, ...)}}.
    """
    outputs = {
        key: heads.rows(levels, levels["P3"].shape[-1], key)
        for key, levels in predictions.items()
    }
    model = Model(images, outputs, name=name)
    model.task = PointDetection(outputs["logits"].shape[-1], points)
    return model


@register(
    "detection",
    PAPER,
    32_297_370,
    None,
    "COCO val AP 38.7 with ResNet-50",
    "authors' README; size of their network, counted with PyTorch, with the 53,120 of "
    "its frozen batch norms",
)
def fcos(
    classes=80,
    backbone="resnet50",
    input_shape=(800, 1344, 3),
    reach=8.0,
    filters=256,
    depth=4,
):
    """Maps images (B, H, W, 3) to one row for each of N points.

    Args:
      backbone: a builder's name, a call of it ("mobilenet_v2(width=0.35)"), or a
        model of features with "C3", "C4" and "C5".
      input_shape: (H, W, 3). Where H and W are None the network takes sides that
        are multiples of 32.
      reach: how far a level sees, in its strides; the paper's 8 gives the ends 64,
        128, 256 and 512 pixels. Less spreads small objects over more levels.
      filters: channels of the pyramid and the heads, a multiple of 32.
      depth: convolutions in a head before its last; the paper's are 4.

    Returns:
      A model to {"logits": (B, N, classes), "deltas": (B, N, 4), "centerness": (B, N,
      1)}, float32, with the points in the order of `kzoo.ops.points`: level, row,
      column. Deltas are for the left, top, right and bottom side.

    Raises:
      ValueError: for a backbone, reach or depth that does not fit.
    """
    backbone = backbone_model(backbone, input_shape)
    of_classes, of_boxes = towers(backbone, filters, depth)
    last = depth + 1
    boxes = prediction(of_boxes, 4, f"deltas_{last}")
    predictions = {
        "logits": prediction(of_classes, classes, f"logits_{last}", heads.bias()),
        "deltas": scaled(boxes, "deltas"),
        "centerness": prediction(of_boxes, 1, f"centerness_{last}"),
    }
    model = detector(backbone.input, predictions, Points(reach=reach), "fcos")
    improve(model.task)
    return model


@register(
    "detection",
    PAPER,
    32_297_370,
    None,
    "COCO test-dev AP 37.4 with ResNet-50",
    "as `fcos`",
)
def fcos_original(
    classes=80,
    backbone="resnet50",
    input_shape=(800, 1344, 3),
    reach=8.0,
    filters=256,
    depth=4,
):
    """As `fcos`, without the improvements of table 3."""
    backbone = backbone_model(backbone, input_shape)
    of_classes, of_boxes = towers(backbone, filters, depth)
    last = depth + 1
    boxes = prediction(of_boxes, 4, f"deltas_{last}")
    predictions = {
        "logits": prediction(of_classes, classes, f"logits_{last}", heads.bias()),
        "deltas": scaled(boxes, "deltas"),
        "centerness": prediction(of_classes, 1, f"centerness_{last}"),
    }
    name = "fcos_original"
    return detector(backbone.input, predictions, Points(reach=reach), name)


@register(
    "detection",
    PAPER,
    32_269_600 + 53_120,
    128.207e9,
    "COCO val AP 39.2",
    "torchvision 0.28, fcos_resnet50_fpn, COCO_V1, which leaves out the 53,120 of its "
    "frozen batch norms",
)
def fcos_torchvision(
    classes=91,
    backbone="resnet50",
    input_shape=(800, 1344, 3),
    reach=8.0,
    filters=256,
    depth=4,
):
    """As `fcos`, in torchvision's version."""
    backbone = backbone_model(backbone, input_shape)
    of_classes, of_boxes = towers(backbone, filters, depth)
    last = depth + 1
    predictions = {
        "logits": prediction(of_classes, classes, f"logits_{last}", heads.bias()),
        "deltas": prediction(of_boxes, 4, f"deltas_{last}"),
        "centerness": prediction(of_boxes, 1, f"centerness_{last}"),
    }
    points = Points(reach=reach, offset=0.0)
    model = detector(backbone.input, predictions, points, "fcos_torchvision")
    improve(model.task)
    model.task.weigh_boxes = False
    model.task.score_threshold = 0.2
    return model
