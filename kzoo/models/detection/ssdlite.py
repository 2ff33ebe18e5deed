"""SSDLite, Sandler et al., CVPR 2018, https://arxiv.org/abs/1801.04381, section 6.2.

SSD with a depthwise and a 1x1 convolution wherever it has a 3x3 one. `ssdlite` starts
from what widens "layer 15" (of a count with the first convolution, block 14 of ours:
576 channels, stride 16) and from the last layer before the mean over positions. What
the paper leaves open is as in its authors' TensorFlow detectors: the layers behind,
even padding, default boxes from 0.2 to 0.95 of a side, three of them on the first map.
These predict each class by a sigmoid; here it is SSD's softmax.
`ssdlite320_torchvision` stands on MobileNetV3 with half the channels in its last blocks
(Howard et al. 2019, https://arxiv.org/abs/1905.02244, section 6.3) and takes PyTorch's
weights; six default boxes on each map.
"""

import dataclasses

import keras
from keras import layers

from kzoo.models.backbones import backbone_levels, backbone_model
from kzoo.models.classification.mobilenet_v2 import PAPER, Style, conv, depthwise
from kzoo.models.classification.mobilenet_v3 import LARGE, hard_swish, network
from kzoo.models.detection.retinanet import chosen_anchors
from kzoo.models.detection.ssd import detector
from kzoo.models.registry import register
from kzoo.ops.anchors import ssd_anchors
from kzoo.tasks.detection import static

STYLE = Style("tf", even_padding=True, epsilon=1e-3, momentum=0.97)
# Channels of the layers behind the backbone, one for each map.
EXTRA = (512, 256, 256, 128)
STRIDES = (8, 16, 32, 64, 128, 256, 512)
# MobileNetV3 with its last three blocks and the layer behind them halved.
REDUCED = (
    *LARGE[:-3],
    (5, 672, 80, True, hard_swish, 2),
    (5, 480, 80, True, hard_swish, 1),
    (5, 480, 80, True, hard_swish, 1),
)


def widened(backbone, level):
    """What widens the features of a level for the next block, if the backbone is of
    inverted residuals; else the features themselves."""
    features = backbone.output[level]
    for layer in backbone.layers:
        if layer.name.endswith("_expand_conv") and layer.input is features:
            name = layer.name.removesuffix("conv")
            return backbone.get_layer(f"{name}act").output
    return features


def last_layer(backbone):
    """The convolution that MobileNets have before the mean over positions: 1280
    channels in version 2, 960 in version 3. C5 itself of other backbones."""
    c5 = backbone.output["C5"]
    if widened(backbone, "C4") is backbone.output["C4"]:
        return c5
    activations = [getattr(layer, "activation", None) for layer in backbone.layers]
    if hard_swish in activations:
        return conv(c5, 6 * c5.shape[-1], 1, 1, STYLE, "head", hard_swish)
    return conv(c5, 4 * c5.shape[-1], 1, 1, STYLE, "head")


def extra_block(x, filters, name):
    """Half the channels, a depthwise convolution of stride 2, all channels."""
    x = conv(x, filters // 2, 1, 1, STYLE, f"{name}_reduce")
    x = depthwise(x, 3, 2, STYLE, f"{name}_depthwise")
    return conv(x, filters, 1, 1, STYLE, f"{name}_pointwise")


def feature_maps(backbone, strides, width):
    """A map (B, H, W, C) for each of `strides`, 8 or 16 first, then doubling."""
    backbone_levels(backbone)
    maps = []
    for stride in strides:
        if stride < 32:
            maps.append(widened(backbone, {8: "C3", 16: "C4"}[stride]))
        elif stride == 32:
            maps.append(last_layer(backbone))
        else:
            number = len([s for s in strides if 32 < s <= stride])
            filters = max(16, int(EXTRA[number - 1] * width))
            maps.append(extra_block(maps[-1], filters, f"head_extra{number}"))
    return maps


def predictions(maps, numbers, length, name):
    """One (B, N, length) of maps (B, H, W, C) with `numbers` of boxes, float32."""
    rows = []
    for level, (x, count) in enumerate(zip(maps, numbers), start=1):
        x = depthwise(x, 3, 1, STYLE, f"{name}_{level}_depthwise")
        small = keras.initializers.RandomNormal(stddev=0.03)
        x = layers.Conv2D(
            count * length, 1, kernel_initializer=small, name=f"{name}_{level}"
        )(x)
        rows.append(layers.Reshape((-1, length), name=f"{name}_{level}_rows")(x))
    return layers.Concatenate(axis=1, dtype="float32", name=name)(rows)


def scales(least, most):
    """Six, evenly, and 1 behind: SSD's equation 4."""
    return [least + (most - least) * k / 5 for k in range(6)] + [1.0]


def six_everywhere(side, strides, least, most):
    return ssd_anchors(side, strides, scales(least, most), [(2, 3)] * 6, stretch=True)


def default_boxes(side):
    """`Anchors` for pictures of this side, the shorter one, pixels.

    TensorFlow's: six boxes of 0.2 to 0.95 of the side, but on the first map a square of
    a tenth and a wide and a tall box of two. Under 256 px, which they leave open, maps
    begin at stride 8 and boxes at a tenth: 160 px then have the positions of 320.
    """
    if side < 256:
        return six_everywhere(side, STRIDES[:-1], 0.1, 0.9)
    anchors = six_everywhere(side, STRIDES[1:], 0.2, 0.95)
    _, _, wide, tall, *_ = anchors.shapes[0]
    first = ((0.1 * side, 0.1 * side), wide, tall)
    return dataclasses.replace(anchors, shapes=(first, *anchors.shapes[1:]))


@register(
    "detection",
    PAPER,
    4_337_013,
    0.789e9,
    "COCO test-dev AP 22.1",
    "paper, table 6; its 4.3 million weights and 0.8 billion multiply-adds counted "
    "with torchvision 0.28's layers of SSDLite on its MobileNetV2",
)
def ssdlite(
    classes=80,
    backbone="mobilenet_v2",
    input_shape=(320, 320, 3),
    anchors=None,
    width=1.0,
):
    """Maps images (B, H, W, 3) to one row for each of N default boxes.

    Args:
      backbone: a builder's name, a call of it ("mobilenet_v3_small(width=0.75)"), or a
        model of features with "C3", "C4" and "C5".
      input_shape: (H, W, 3).
      anchors: a `kzoo.ops.anchors.Anchors`; see `default_boxes`. Its strides say which
        maps there are: from 8 or 16 on each is the double of the one before, 512 at the
        most.
      width: of the layers behind the backbone, in proportion.

    Returns:
      A model to {"logits": (B, N, 1 + classes), "deltas": (B, N, 4)}, float32, logit 0
      for background, with the boxes in the order of `kzoo.ops.anchors`: level, row,
      column, shape.

    Raises:
      ValueError: for a backbone or anchors that do not fit.
    """
    backbone = backbone_model(backbone, input_shape)
    side = min(static(backbone.input_shape[1:3]))
    anchors = chosen_anchors(anchors, default_boxes(side))
    check_strides(anchors.strides)
    maps = feature_maps(backbone, anchors.strides, width)
    return detector(backbone.input, maps, classes, anchors, "ssdlite", predictions)


def check_strides(strides):
    """Raises ValueError for any that the maps cannot have."""
    start = 0 if strides[0] == 8 else 1
    if strides != STRIDES[start : start + len(strides)]:
        raise ValueError(
            f"maps have strides {STRIDES}, from 8 or 16 on; the anchors have {strides}"
        )


@register(
    "detection",
    PAPER,
    3_440_060,
    0.583e9,
    "COCO val AP 21.3",
    "torchvision 0.28, ssdlite320_mobilenet_v3_large, COCO_V1",
)
def ssdlite320_torchvision(classes=90, input_shape=(320, 320, 3), width=1.0):
    """As `ssdlite`, of torchvision's MobileNetV3; `width` is of all layers.

    Where `classes` is None the model gives the features of the backbone.
    """
    name = "ssdlite320_torchvision"
    backbone = network(REDUCED, STYLE, name, None, input_shape, width)
    if classes is None:
        return backbone
    maps = feature_maps(backbone, STRIDES[1:], width)
    side = min(static(input_shape[:2]))
    anchors = six_everywhere(side, STRIDES[1:], 0.2, 0.95)
    model = detector(backbone.input, maps, classes, anchors, name, predictions)
    model.task.score_threshold = 0.001
    model.task.iou_threshold = 0.55
    model.task.max_detections = 300
    return model
