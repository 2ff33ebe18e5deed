"""YOLO v2, Redmon and Farhadi, CVPR 2017, https://arxiv.org/abs/1612.08242.

As the authors' cfg/yolov2-voc.cfg and cfg/yolov2.cfg (VOC or COCO, which differ in
priors and classes), whose weights fit: in the passthrough a 1x1 convolution to 64
channels, which the paper does not have, and a reorganization that is not the paper's
either (`kzoo.models.layers.reorg`); its channels come before the others.
`yolo_v2_tiny` is cfg/yolov2-tiny-voc.cfg, which no paper describes; that for COCO has
other priors and fewer channels (anchors="coco", filters=(1024, 512)).
The last convolution of the cfg is three here, for classes, objectness and boxes, so
that each can be quantised by itself. Not here: WordTree and YOLO9000, section 4.

Training at many sizes (section 2) changes no weight: any multiple of 32 pixels fits.
"""

from keras import layers
from keras.initializers import RandomNormal

from kzoo.models.backbones import backbone_levels, backbone_model
from kzoo.models.base import Model
from kzoo.models.classification.darknet import YOLO9000, convolution, max_pool
from kzoo.models.layers.reorg import Reorg
from kzoo.models.registry import register
from kzoo.ops import cells
from kzoo.tasks.yolo_v2 import YoloV2Detection

STRIDE = 32
# Priors, (width, height) in cells, of the cfgs.
ANCHORS = {
    "voc": (
        (1.3221, 1.73145),
        (3.19275, 4.00944),
        (5.05587, 8.09892),
        (9.47112, 4.84053),
        (11.2364, 10.0071),
    ),
    "coco": (
        (0.57273, 0.677385),
        (1.87446, 2.06253),
        (3.33843, 5.47434),
        (7.88282, 3.52778),
        (9.77052, 9.16828),
    ),
    "voc_tiny": (
        (1.08, 1.19),
        (3.42, 4.41),
        (6.63, 11.38),
        (9.42, 5.11),
        (16.62, 10.52),
    ),
}


def priors(anchors):
    """((width, height), ...) in cells, from what a builder's argument may be."""
    if isinstance(anchors, str):
        if anchors not in ANCHORS:
            raise ValueError(f"no anchors {anchors!r}; kzoo has {', '.join(ANCHORS)}")
        return ANCHORS[anchors]
    pairs = tuple(map(tuple, anchors))
    if not pairs or any(len(pair) != 2 or min(pair) <= 0 for pair in pairs):
        raise ValueError(f"anchors are (width, height) pairs above 0, not {anchors}")
    return pairs


def source(backbone, input_shape, levels):
    """(images, the features of each of `levels`)."""
    if None not in input_shape[:2]:
        cells.grid(input_shape[:2], STRIDE)  # refuses a picture that is no whole cells
    backbone = backbone_model(backbone, input_shape)
    return backbone.input, backbone_levels(backbone, levels).values()


def detector(images, x, classes, anchors, name):
    """The model from `images` to raw outputs, and its task."""
    outputs = {}
    for output, length in (("logits", classes), ("objectness", 1), ("deltas", 4)):
        maps = layers.Conv2D(
            len(anchors) * length,
            1,
            kernel_initializer=RandomNormal(0, 0.01),
            name=f"head_{output}",
        )(x)
        rows = layers.Reshape((-1, length), dtype="float32", name=output)
        outputs[output] = rows(maps)
    model = Model(images, outputs, name=name)
    model.task = YoloV2Detection(classes, anchors, STRIDE)
    return model


@register(
    "detection",
    YOLO9000,
    50_655_389,
    14.680e9,
    "VOC 2007 mAP 76.8 at 416 pixels, 78.6 at 544 (table 3)",
    "paper; size and multiply-adds of the authors' cfg/yolov2-voc.cfg",
)
def yolo_v2(
    classes=20,
    backbone="darknet19",
    input_shape=(416, 416, 3),
    anchors="voc",
    filters=1024,
):
    """Maps images (B, H, W, 3) to the raw outputs of `kzoo.tasks.yolo_v2`.

    Args:
      backbone: a builder's name, a call of it, or a model of features with C4 and C5.
      input_shape: (H, W, 3), multiples of 32; H and W may be None.
      anchors: "voc", "coco", or (width, height) pairs in cells of 32 pixels, as the
        k-means of section 2 finds them.
      filters: channels of the head, a multiple of 64; the paper's are 1024.

    Raises:
      ValueError: for a backbone, anchors or a size that do not fit.
    """
    images, (fine, x) = source(backbone, input_shape, ("C4", "C5"))
    for i in (1, 2):
        x = convolution(x, filters, 3, f"head_{i}")
    fine = convolution(fine, filters // 16, 1, "head_passthrough")
    fine = Reorg(name="head_reorg")(fine)
    x = layers.Concatenate(name="head_concat")([fine, x])
    x = convolution(x, filters, 3, "head_3")
    return detector(images, x, classes, priors(anchors), "yolo_v2")


@register(
    "detection",
    YOLO9000,
    15_861_773,
    3.486e9,
    "VOC 2007 mAP 57.1",
    "pjreddie.com/darknet/yolov2; size and multiply-adds of cfg/yolov2-tiny-voc.cfg",
)
def yolo_v2_tiny(
    classes=20,
    backbone="darknet_reference",
    input_shape=(416, 416, 3),
    anchors="voc_tiny",
    filters=(1024, 1024),
):
    """As `yolo_v2`, from C5 alone; `filters` of the two convolutions of its head."""
    images, (x,) = source(backbone, input_shape, ("C5",))
    x = max_pool(x, "head_max_pool", strides=1)
    for i, count in enumerate(filters, start=1):
        x = convolution(x, count, 3, f"head_{i}")
    return detector(images, x, classes, priors(anchors), "yolo_v2_tiny")
