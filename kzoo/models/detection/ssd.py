"""SSD, Liu et al., ECCV 2016, https://arxiv.org/abs/1512.02325, figure 2.

`ssd300` and `ssd512` are the authors' networks for PASCAL VOC: VGG-16 in Caffe's pixels
and poolings, its hidden layers turned into convolutions with holes (section 3), and
default boxes of section 3.1. The paper leaves open, and the authors' code answers: a
zero row around ssd512's last, 4x4 convolution; a learnt scale for each channel of
conv4_3. Wide and tall default boxes end at the picture's sides, as in all PyTorch
implementations, whose weights are the public ones; the authors' do not.
`ssd300_torchvision` has the default boxes for COCO (section 3.4), 90 classes, and
PyTorch's weights, which are for RGB: their first kernel is turned as it is read.
"""

import keras
from keras import layers

from kzoo.models.backbones import backbone_model
from kzoo.models.base import Model
from kzoo.models.detection.retinanet import chosen_anchors
from kzoo.models.layers.l2_normalization import L2Normalization
from kzoo.models.registry import Paper, register
from kzoo.ops.anchors import ssd_anchors
from kzoo.preprocessing import Preprocess
from kzoo.tasks.detection import static
from kzoo.tasks.ssd import SSDDetection

PAPER = Paper(
    "Liu, Anguelov, Erhan, Szegedy, Reed, Fu, Berg",
    "SSD: Single Shot MultiBox Detector",
    "ECCV 2016",
    "1512.02325",
)
# What is behind fc7, conv8 to conv11 or conv12: filters of its 1x1 and of its second
# convolution, in shares of VGG's 512 channels, and that one's size, stride and padding.
EXTRA_300 = (
    (1 / 2, 1, 3, 2, 1),
    (1 / 4, 1 / 2, 3, 2, 1),
    (1 / 4, 1 / 2, 3, 1, 0),
    (1 / 4, 1 / 2, 3, 1, 0),
)
EXTRA_512 = (
    (1 / 2, 1, 3, 2, 1),
    (1 / 4, 1 / 2, 3, 2, 1),
    (1 / 4, 1 / 2, 3, 2, 1),
    (1 / 4, 1 / 2, 3, 2, 1),
    (1 / 4, 1 / 2, 4, 1, 1),
)
# Default boxes: in percent of a side, as the authors' script rounds them, the last one
# beyond the picture; ratios of width to height.
VOC_300 = (10, 20, 37, 54, 71, 88, 105)
COCO_300 = (7, 15, 33, 51, 69, 87, 105)
VOC_512 = (7, 15, 30, 45, 60, 75, 90, 105)
RATIOS_300 = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
RATIOS_512 = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))


def conv(x, filters, size, name, strides=1, padding=0, dilation=1):
    """Convolution with as many rows of zeros around as `padding` says, ReLU."""
    if padding:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        size,
        strides,
        dilation_rate=dilation,
        activation="relu",
        kernel_initializer=keras.initializers.GlorotUniform(),
        name=f"{name}_conv",
    )(x)


def trunk(backbone):
    """(conv4_3, conv5_3) of a VGG's layers, one after the other.

    Poolings keep what sticks out, as Caffe's: 300, 150, 75, 38, 19 rows. The mean that
    the authors' VGG takes from BGR is in whole numbers here.
    """
    kinds = (
        *(Preprocess, layers.Conv2D, layers.BatchNormalization, layers.Activation),
        layers.MaxPooling2D,
    )
    poolings = [isinstance(x, layers.MaxPooling2D) for x in backbone.layers]
    if not all(isinstance(x, kinds) for x in backbone.layers[1:]) or sum(poolings) != 5:
        raise ValueError(f"SSD is made of a VGG, not of {backbone.name}")
    x, before_pooling = backbone.input, []
    for layer in backbone.layers[1:]:
        if isinstance(layer, Preprocess) and layer.mode == "caffe":
            layer = Preprocess("bvlc", name=layer.name)
        if isinstance(layer, layers.MaxPooling2D):
            before_pooling.append(x)
            layer = layers.MaxPooling2D(2, padding="same", name=layer.name)
        x = layer(x)
    return before_pooling[3:5]


def feature_maps(backbone, extra):
    """[conv4_3, fc7, conv8_2, ...], finest first."""
    conv4_3, x = trunk(backbone)
    channels = x.shape[-1]
    maps = [L2Normalization(20.0, name="head_l2")(conv4_3)]
    x = layers.MaxPooling2D(3, 1, padding="same", name="head_pool5")(x)
    x = conv(x, 2 * channels, 3, "fc6", padding=6, dilation=6)
    x = conv(x, 2 * channels, 1, "fc7")
    maps.append(x)
    for number, (narrow, wide, size, strides, padding) in enumerate(extra, start=8):
        x = conv(x, round(channels * narrow), 1, f"head_{number}_1")
        wide = round(channels * wide)
        x = conv(x, wide, size, f"head_{number}_2", strides, padding)
        maps.append(x)
    return maps


def predictions(maps, numbers, length, name, size=3):
    """One (B, N, length) of maps (B, H, W, C), each with a convolution of its own that
    gives `numbers` of boxes a position, float32."""
    rows = []
    for level, (x, count) in enumerate(zip(maps, numbers), start=1):
        x = layers.Conv2D(
            count * length,
            size,
            padding="same",
            kernel_initializer=keras.initializers.GlorotUniform(),
            name=f"{name}_{level}",
        )(x)
        rows.append(layers.Reshape((-1, length), name=f"{name}_{level}_rows")(x))
    return layers.Concatenate(axis=1, dtype="float32", name=name)(rows)


def detector(images, maps, classes, anchors, name, predict=predictions):
    """The model from `images` to raw outputs, and its task; `predict` as `predictions`.

    Raises:
      ValueError: if pictures have no size, or the anchors other positions than maps.
    """
    height, width = static(images.shape[1:3])
    here = [x.shape[1] * x.shape[2] for x in maps]
    there = [
        rows // each
        for rows, each in zip(anchors.counts(height, width), anchors.per_position)
    ]
    if here != there:
        raise ValueError(
            f"{name} has maps of {here} positions in a picture of {height} x {width}, "
            f"and the anchors of strides {anchors.strides} have {there}"
        )
    outputs = {
        "logits": predict(maps, anchors.per_position, 1 + classes, "logits"),
        "deltas": predict(maps, anchors.per_position, 4, "deltas"),
    }
    model = Model(images, outputs, name=name)
    model.task = SSDDetection(classes, anchors)
    return model


def default_boxes(image_size, maps, percent, ratios):
    """`Anchors` for maps of strides 8, 16, 32, 64 and then of as many pixels as fill
    the picture: 100 and 300 in ssd300."""
    long, rows = max(image_size), [max(x.shape[1:3]) for x in maps]
    strides = [8, 16, 32, 64, *(-(-long // n) for n in rows[4:])]
    scales = [number / 100 for number in percent]
    return ssd_anchors(min(image_size), strides, scales, ratios)


def ssd(name, design, classes, backbone, input_shape, anchors):
    """Builds an SSD from a `design`: convolutions behind fc7, scales, ratios."""
    extra, percent, ratios = design
    anchors = chosen_anchors(anchors, None)
    if anchors is not None:
        extra = extra[: max(0, len(anchors.strides) - 2)]
    backbone = backbone_model(backbone, input_shape)
    size = static(backbone.input_shape[1:3])
    maps = feature_maps(backbone, extra)
    if anchors is None:
        anchors = default_boxes(size, maps, percent, ratios)
    return detector(backbone.input, maps, classes, anchors, name)


@register(
    "detection",
    PAPER,
    26_285_486,
    31.37e9,
    "VOC 2007 test mAP 77.2 (07+12, zoom-out)",
    "the authors' README; size: torchvision 0.28's class with 20 classes",
)
def ssd300(classes=20, backbone="vgg16", input_shape=(300, 300, 3), anchors=None):
    """Maps images (B, 300, 300, 3) to one row for each of 8732 default boxes.

    Args:
      backbone: a VGG: its name, a call of it ("vgg13(width=0.5)"), or a model of its
        features. The layers that follow have channels in proportion to its last.
      input_shape: (H, W, 3), 257 pixels a side or more.
      anchors: a `kzoo.ops.anchors.Anchors` of strides from 8 up; of fewer levels leaves
        out the last layers, and then pictures may be smaller.

    Returns:
      A model to {"logits": (B, N, 1 + classes), "deltas": (B, N, 4)}, float32, logit 0
      for background, with the boxes in the order of `kzoo.ops.anchors`: level, row,
      column, shape.

    Raises:
      ValueError: for a backbone that is no VGG, or anchors that do not fit.
    """
    design = EXTRA_300, VOC_300, RATIOS_300
    return ssd("ssd300", design, classes, backbone, input_shape, anchors)


@register(
    "detection",
    PAPER,
    27_188_676,
    90.21e9,
    "VOC 2007 test mAP 79.8 (07+12, zoom-out)",
    "the authors' README; size: lufficc/SSD with 20 classes",
)
def ssd512(classes=20, backbone="vgg16", input_shape=(512, 512, 3), anchors=None):
    """As `ssd300`, with 24,564 default boxes over seven maps."""
    design = EXTRA_512, VOC_512, RATIOS_512
    return ssd("ssd512", design, classes, backbone, input_shape, anchors)


@register(
    "detection",
    PAPER,
    35_641_826,
    34.858e9,
    "COCO val AP 25.1",
    "torchvision 0.28, ssd300_vgg16, COCO_V1",
)
def ssd300_torchvision(
    classes=90, backbone="vgg16", input_shape=(300, 300, 3), anchors=None
):
    """As `ssd300`, with the default boxes for COCO."""
    design = EXTRA_300, COCO_300, RATIOS_300
    return ssd("ssd300_torchvision", design, classes, backbone, input_shape, anchors)
