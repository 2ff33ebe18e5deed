"""MobileNet-SSD, chuanqi305, 2017, https://github.com/chuanqi305/MobileNet-SSD.

SSD on MobileNet (Howard et al. 2017, https://arxiv.org/abs/1704.04861), nobody's paper
and many people's detector, as its Caffe files have it: ReLU for ReLU6, pixels as BGR in
-1..1, 1x1 predictions, no L2 normalization, default boxes that may be longer than the
picture and three of them on the first map. Takes the author's caffemodel, with or
without batch norms merged.
"""

import dataclasses
import functools

import keras

from kzoo.models.base import Model
from kzoo.models.blocks import conv_bn
from kzoo.models.classification.mobilenet_v1 import PAPER, STAGES
from kzoo.models.classification.mobilenet_v2 import Style, conv, depthwise
from kzoo.models.detection.ssd import detector, predictions
from kzoo.models.detection.ssdlite import STRIDES, scales
from kzoo.models.registry import register
from kzoo.ops.anchors import ssd_anchors
from kzoo.preprocessing import Preprocess
from kzoo.tasks.detection import static

STYLE = Style("mobilenet_ssd", even_padding=True, epsilon=1e-5, momentum=0.9)
# Behind the backbone, from conv14 on: filters of the 1x1 and of the 3x3 convolution.
EXTRA = ((256, 512), (128, 256), (128, 256), (64, 128))


def features(input_shape, width, name):
    """A features model {"C1" .. "C5"}: table 1 of MobileNet's paper with ReLU."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess(STYLE.pixels, name="preprocess")(images)
    x = conv(x, int(32 * width), 3, 2, STYLE, "stem", "relu")
    levels, block = {}, 0
    for filters, depth, first, level in STAGES:
        filters = int(filters * width)
        for i in range(depth):
            block += 1
            strides = first if i == 0 else 1
            x = depthwise(x, 3, strides, STYLE, f"block{block}_depthwise", "relu")
            x = conv(x, filters, 1, 1, STYLE, f"block{block}_pointwise", "relu")
        levels[level] = x
    return Model(images, levels, name=name)


def default_boxes(side):
    """`Anchors`: a square of 0.2 of the side, a wide, a tall box; then six a map."""
    anchors = ssd_anchors(
        side, STRIDES[1:], scales(0.2, 0.95), [(2, 3)] * 6, clip=False, stretch=True
    )
    square, _, wide, tall, *_ = anchors.shapes[0]
    first = square, wide, tall
    return dataclasses.replace(anchors, shapes=(first, *anchors.shapes[1:]))


@register(
    "detection",
    PAPER,
    5_796_089,
    1.148e9,
    "VOC 2007 test mAP 72.7 (COCO, then 07+12)",
    "chuanqi305/MobileNet-SSD; size: its deploy.prototxt with scale layers",
)
def mobilenet_ssd(classes=20, input_shape=(300, 300, 3), width=1.0):
    """Maps images (B, H, W, 3) to one row for each of N default boxes, 1917 at 300 px.

    Outputs are `kzoo.models.ssd300`'s. Where `classes` is None the model gives the
    features of the backbone; `width` is of all layers.
    """
    backbone = features(input_shape, width, "mobilenet_ssd")
    if classes is None:
        return backbone
    x = backbone.output["C5"]
    maps = [backbone.output["C4"], x]
    for number, (narrow, wide) in enumerate(EXTRA, start=14):
        x = conv_bn(x, int(narrow * width), 1, name=f"head_{number}_1")
        x = conv_bn(x, int(wide * width), 3, strides=2, name=f"head_{number}_2")
        maps.append(x)
    anchors = default_boxes(min(static(input_shape[:2])))
    predict = functools.partial(predictions, size=1)
    return detector(backbone.input, maps, classes, anchors, "mobilenet_ssd", predict)
