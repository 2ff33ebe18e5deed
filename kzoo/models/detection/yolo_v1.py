"""YOLO v1, Redmon et al., CVPR 2016, https://arxiv.org/abs/1506.02640.

`yolo_v1` is the paper's network of figure 3: 24 convolutions without batch norms, two
layers that see the whole picture, 7x7 cells of two boxes. No weights of it were
published. `yolo_v1_darknet` is what was released (cfg/yolov1.cfg) and differs: batch
norms, three boxes a cell, and between the convolutions and one last layer a 3x3 layer
whose kernels are each position's own. `yolo_v1_tiny` is the released "Fast YOLO"
(cfg/yolov1-tiny.cfg): eight convolutions where the paper says nine, batch norms, one
layer behind them. In the cfg's order a last layer gives classes, confidences and boxes;
ours are three layers, so that each can be quantised by itself.

All three take any backbone. The grid is what the picture's size gives: cells have 64
pixels a side, half the resolution of C5. `yolo_v1` and `yolo_v1_tiny` also take
`stride`, for pictures too small for that: 32, 16 or 8 are C5, C4 or C3 as they are,
without the halving.
"""

from keras import layers
from keras.initializers import RandomNormal

from kzoo.models.backbones import backbone_levels, backbone_model
from kzoo.models.base import Model
from kzoo.models.blocks import he_normal
from kzoo.models.classification.darknet import (
    YOLO,
    convolution,
    max_pool,
    plain_convolution,
)
from kzoo.models.layers.dropout import Dropout
from kzoo.models.layers.local_conv import LocalConv2D
from kzoo.models.registry import register
from kzoo.ops import cells
from kzoo.tasks.yolo_v1 import YoloV1Detection

LEVELS = {64: "C5", 32: "C5", 16: "C4", 8: "C3"}


def source(backbone, input_shape, stride=64):
    """(images, the features that cells of `stride` pixels are made of)."""
    if stride not in LEVELS:
        choices = ", ".join(map(str, LEVELS))
        raise ValueError(f"cells have {choices} pixels a side, not {stride}")
    cells.grid(input_shape[:2], stride)  # refuses a picture that is no whole cells
    backbone = backbone_model(backbone, input_shape)
    level = LEVELS[stride]
    return backbone.input, backbone_levels(backbone, (level,))[level]


def rows(x, count, length, name):
    """(B, count, length) float32 of a layer that sees all of x, (B, units)."""
    dense = layers.Dense(
        count * length,
        kernel_initializer=RandomNormal(0, 0.01),
        dtype="float32",
        name=f"head_{name}",
    )
    return layers.Reshape((count, length), dtype="float32", name=name)(dense(x))


def detector(images, x, classes, stride, boxes, name):
    """The model from `images` to raw outputs, and its task; x is (B, units)."""
    if boxes < 1:
        raise ValueError(f"a cell has 1 box or more, not {boxes}")
    rows_and_columns = cells.grid(images.shape[1:3], stride)
    count = rows_and_columns[0] * rows_and_columns[1]
    outputs = {
        "logits": rows(x, count, classes, "logits"),
        "objectness": rows(x, count * boxes, 1, "objectness"),
        "deltas": rows(x, count * boxes, 4, "deltas"),
    }
    model = Model(images, outputs, name=name)
    model.task = YoloV1Detection(classes, stride, boxes)
    return model


@register(
    "detection",
    YOLO,
    271_703_550,
    20.285e9,
    "VOC 2007 mAP 63.4 (table 1)",
    "paper; size and multiply-adds of its figure 3",
)
def yolo_v1(
    classes=20,
    backbone="extraction",
    input_shape=(448, 448, 3),
    stride=64,
    boxes=2,
    filters=1024,
    units=4096,
):
    """Maps images (B, H, W, 3) to the raw outputs of `kzoo.tasks.yolo_v1`.

    Args:
      backbone: a builder's name, a call of it, or a model of features.
      input_shape: (H, W, 3), multiples of `stride`.
      stride: pixels of a cell's side: 64 as in the paper, 32, 16 or 8.
      boxes: of a cell.
      filters, units: of the head's convolutions and of the layer behind them.

    Raises:
      ValueError: for a backbone or a size that does not fit.
    """
    images, x = source(backbone, input_shape, stride)
    for i in range(1, 5):
        strides = 2 if i == 2 and stride == 64 else 1
        x = plain_convolution(x, filters, 3, f"head_{i}", strides)
    x = layers.Flatten(name="head_flatten")(x)
    x = layers.Dense(units, kernel_initializer=he_normal(), name="head_dense")(x)
    x = layers.LeakyReLU(0.1, name="head_act")(x)
    x = Dropout(0.5, name="head_dropout")(x)
    return detector(images, x, classes, stride, boxes, "yolo_v1")


@register(
    "detection",
    YOLO,
    197_301_875,
    20.211e9,
    "VOC 2007 mAP 63.4 of the paper's network",
    "size and multiply-adds of the authors' cfg/yolov1.cfg",
)
def yolo_v1_darknet(
    classes=20,
    backbone="extraction_bn",
    input_shape=(448, 448, 3),
    boxes=3,
    filters=1024,
):
    """As `yolo_v1`: the released network."""
    images, x = source(backbone, input_shape)
    for i in range(1, 5):
        x = convolution(x, filters, 3, f"head_{i}", strides=2 if i == 2 else 1)
    x = LocalConv2D(filters // 4, name="head_local_conv")(x)
    x = layers.LeakyReLU(0.1, name="head_local_act")(x)
    x = Dropout(0.5, name="head_dropout")(x)
    x = layers.Flatten(name="head_flatten")(x)
    return detector(images, x, classes, 64, boxes, "yolo_v1_darknet")


@register(
    "detection",
    YOLO,
    27_095_374,
    1.608e9,
    "VOC 2007 mAP 52.7 (table 1)",
    "paper; size and multiply-adds of the authors' cfg/yolov1-tiny.cfg",
)
def yolo_v1_tiny(
    classes=20,
    backbone="darknet_reference",
    input_shape=(448, 448, 3),
    stride=64,
    boxes=2,
    filters=1024,
):
    """As `yolo_v1`: the released "Fast YOLO"."""
    images, x = source(backbone, input_shape, stride)
    if stride == 64:
        x = max_pool(x, "head_max_pool")
    x = convolution(x, filters, 3, "head_1")
    x = convolution(x, filters // 4, 3, "head_2")
    x = layers.Flatten(name="head_flatten")(x)
    return detector(images, x, classes, stride, boxes, "yolo_v1_tiny")
