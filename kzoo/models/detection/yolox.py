"""YOLOX, Ge et al. 2021, https://arxiv.org/abs/2107.08430, section 2 and table 3.

As the authors' code has it, whose weights of release 0.1.1 these take: pictures are BGR
in 0..255 as they come (`Preprocess("megvii")` turns our RGB round, so that the stem's
weights stay as they are), batch norms have an epsilon of 1e-3. Before 0.1.1 pictures
were scaled by ImageNet's mean and deviation: those weights are not these. `yolox_nano`
alone has depthwise convolutions.

Of other backbones than the authors' CSPDarknet only the levels "C3", "C4" and "C5" are
taken; pyramid and head stay as wide and deep as the row says. Sides need not be
multiples of 32 as theirs: a level has ceil(side / stride) cells.
"""

import math

import keras
from keras import layers

from kzoo.models.backbones import backbone_levels, backbone_model
from kzoo.models.base import Model
from kzoo.models.layers.focus import Focus
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.yolox import YoloxDetection

PAPER = Paper(
    "Ge, Liu, Wang, Li, Sun",
    "YOLOX: Exceeding YOLO Series in 2021",
    "arXiv 2021",
    "2107.08430",
)
SOURCES = "authors' README, 0.1.1; its FLOPs are two a multiply-add"
# Every class of every cell, and that there is an object, starts from this probability.
PRIOR = 0.01
# Channels of the stem, and of the levels and of the head, at width 1.
STEM, LEVELS, HEAD = 64, {"P3": 256, "P4": 512, "P5": 1024}, 256


def uniform():
    """PyTorch's own initial values, which the authors' code keeps."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def pad(x, size, strides, name):
    """(x, the padding left to do): even at stride 2, as PyTorch's."""
    if strides == 1:
        return x, "same"
    return layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x), "valid"


def normalize(x, name):
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.Activation("silu", name=f"{name}_act")(x)


def convolution(x, filters, size, strides=1, name=None):
    """Convolution without bias, batch normalization, SiLU."""
    x, padding = pad(x, size, strides, name)
    x = layers.Conv2D(
        filters,
        size,
        strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=uniform(),
        name=f"{name}_conv",
    )(x)
    return normalize(x, name)


def separable(x, filters, size, strides=1, name=None):
    """The same of each channel alone, then of all channels at each position."""
    y, padding = pad(x, size, strides, f"{name}_depthwise")
    # Keras counts a depthwise kernel's fan-in over all channels.
    scale = keras.initializers.RandomUniform(-1 / size, 1 / size)
    y = layers.DepthwiseConv2D(
        size,
        strides,
        padding=padding,
        use_bias=False,
        depthwise_initializer=scale,
        name=f"{name}_depthwise_conv",
    )(y)
    return convolution(normalize(y, f"{name}_depthwise"), filters, 1, name=name)


def csp(x, filters, depth, conv, shortcut, name):
    """Half of the channels go through `depth` bottlenecks, half around them."""
    y = convolution(x, filters // 2, 1, name=f"{name}_1")
    around = convolution(x, filters // 2, 1, name=f"{name}_2")
    for i in range(1, depth + 1):
        z = convolution(y, filters // 2, 1, name=f"{name}_block{i}_1")
        z = conv(z, filters // 2, 3, name=f"{name}_block{i}_2")
        y = layers.Add(name=f"{name}_block{i}_add")([y, z]) if shortcut else z
    x = layers.Concatenate(name=f"{name}_join")([y, around])
    return convolution(x, filters, 1, name=f"{name}_3")


def spatial_pyramid(x, filters, name):
    """Maxima over 5, 9 and 13 positions beside the values themselves.

    Each pool of 5 goes over the one before: 9 and 13 at a third of their cost.
    """
    pools = [convolution(x, filters // 2, 1, name=f"{name}_1")]
    for size in (5, 9, 13):
        pool = layers.MaxPooling2D(5, 1, padding="same", name=f"{name}_pool{size}")
        pools.append(pool(pools[-1]))
    x = layers.Concatenate(name=f"{name}_concat")(pools)
    return convolution(x, filters, 1, name=f"{name}_2")


def csp_darknet(input_shape, depth, width, conv, name):
    """The backbone: a model from images (B, H, W, 3) to {"C1".. "C5"}."""
    filters = int(STEM * width)
    images = keras.Input(input_shape, name="images")
    x = Preprocess("megvii", name="preprocess")(images)
    x = Focus(name="stem_focus")(x)
    x = convolution(x, filters, 3, name="stem")
    features = {"C1": x}
    for stage, blocks in ((2, 1), (3, 3), (4, 3), (5, 1)):
        filters, last = 2 * filters, stage == 5
        x = conv(x, filters, 3, strides=2, name=f"stage{stage}")
        if last:
            x = spatial_pyramid(x, filters, f"stage{stage}_spp")
        x = csp(x, filters, blocks * depth, conv, not last, f"stage{stage}_csp")
        features[f"C{stage}"] = x
    return Model(images, features, name=name)


def double(coarse, fine, name):
    """`coarse`, doubled and cut to the sides of `fine`, beside `fine`."""
    x = layers.UpSampling2D(2, name=f"{name}_double")(coarse)
    extra = [
        0 if here is None else have - here
        for have, here in zip(x.shape[1:3], fine.shape[1:3])
    ]
    if any(extra):
        x = layers.Cropping2D(tuple((0, n) for n in extra), name=f"{name}_crop")(x)
    return layers.Concatenate(name=f"{name}_concat")([x, fine])


def path_aggregation(features, depth, width, conv):
    """{"C3", "C4", "C5"} to {"P3", "P4", "P5"}: down from the coarsest, and up again.

    Liu et al., CVPR 2018, https://arxiv.org/abs/1803.01534, with CSP layers.
    """
    filters = {level: int(wide * width) for level, wide in LEVELS.items()}

    def merge(x, level, name):
        return csp(x, filters[level], depth, conv, False, name)

    p5 = convolution(features["C5"], filters["P4"], 1, name="P5_lateral")
    p4 = merge(double(p5, features["C4"], "P4_down"), "P4", "P4_down")
    p4 = convolution(p4, filters["P3"], 1, name="P4_lateral")
    p3 = merge(double(p4, features["C3"], "P3"), "P3", "P3")
    up = conv(p3, filters["P3"], 3, strides=2, name="P4_up")
    out4 = merge(layers.Concatenate(name="P4_concat")([up, p4]), "P4", "P4")
    up = conv(out4, filters["P4"], 3, strides=2, name="P5_up")
    out5 = merge(layers.Concatenate(name="P5_concat")([up, p5]), "P5", "P5")
    return {"P3": p3, "P4": out4, "P5": out5}


def predict(x, outputs, name, bias=0.0):
    """A 1x1 convolution and one row for each cell: (B, H, W, C) to (B, N, outputs)."""
    x = layers.Conv2D(
        outputs,
        1,
        kernel_initializer=uniform(),
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
    )(x)
    return layers.Reshape((-1, outputs), name=f"{name}_rows")(x)


def head(pyramid, classes, width, conv):
    """Raw outputs of the decoupled head (figure 2), each level with its own."""
    filters, bias = int(HEAD * width), -math.log((1 - PRIOR) / PRIOR)
    rows = {"logits": [], "deltas": [], "objectness": []}
    for level, x in pyramid.items():
        x = convolution(x, filters, 1, name=f"head_{level}")
        towers = {}
        for name in ("logits", "deltas"):
            y = conv(x, filters, 3, name=f"{name}_{level}_1")
            towers[name] = conv(y, filters, 3, name=f"{name}_{level}_2")
        x = towers["deltas"]
        rows["logits"].append(
            predict(towers["logits"], classes, f"logits_{level}", bias)
        )
        rows["deltas"].append(predict(x, 4, f"deltas_{level}"))
        rows["objectness"].append(predict(x, 1, f"objectness_{level}", bias))
    return {
        name: layers.Concatenate(axis=1, dtype="float32", name=name)(parts)
        for name, parts in rows.items()
    }


def yolox(name, conv, classes, backbone, input_shape, depth, width):
    """Maps images (B, H, W, 3) to one row for each of N cells of strides 8, 16, 32.

    Args:
      conv: `convolution` or `separable`, for what is 3x3.
      classes: K; None for the features of the backbone alone.
      backbone: the authors' CSPDarknet by default; or a builder's name, a call of it
        ("resnet18(width=0.5)"), or a model of features with "C3", "C4" and "C5".
      input_shape: (H, W, 3). Where H and W are None the network takes sides that are
        multiples of 32.
      depth: a third of the bottlenecks in a CSP layer, of which there is at least one.
      width: share of the channels of the largest row but one, yolox_l.

    Returns:
      A model to {"logits": (B, N, classes), "deltas": (B, N, 4), "objectness": (B, N,
      1)}, float32, with the cells in the order level, row, column.

    Raises:
      ValueError: for a backbone that does not fit, or a width that leaves no channel.
    """
    depth = max(round(3 * depth), 1)
    if int(STEM * width) < 2:
        raise ValueError(f"width is {width}; from {2 / STEM} up there are channels")
    if backbone is None:
        backbone = csp_darknet(input_shape, depth, width, conv, name)
    else:
        backbone = backbone_model(backbone, input_shape)
    if classes is None:
        return backbone
    pyramid = path_aggregation(backbone_levels(backbone), depth, width, conv)
    model = Model(backbone.input, head(pyramid, classes, width, conv), name=name)
    model.task = YoloxDetection(classes)
    return model


# A variant is a row of numbers: (depth, width), side, its facts.
@register("detection", PAPER, 912_159, 0.5226e9, "COCO val AP 25.8", SOURCES)
def yolox_nano(
    classes=80, backbone=None, input_shape=(416, 416, 3), depth=0.33, width=0.25
):
    return yolox("yolox_nano", separable, classes, backbone, input_shape, depth, width)


@register("detection", PAPER, 5_055_855, 6.45e9 / 2, "COCO val AP 32.8", SOURCES)
def yolox_tiny(
    classes=80, backbone=None, input_shape=(416, 416, 3), depth=0.33, width=0.375
):
    return yolox(
        "yolox_tiny", convolution, classes, backbone, input_shape, depth, width
    )


@register("detection", PAPER, 8_968_255, 26.8e9 / 2, "COCO val AP 40.5", SOURCES)
def yolox_s(
    classes=80, backbone=None, input_shape=(640, 640, 3), depth=0.33, width=0.5
):
    return yolox("yolox_s", convolution, classes, backbone, input_shape, depth, width)


@register("detection", PAPER, 25_326_495, 73.8e9 / 2, "COCO val AP 46.9", SOURCES)
def yolox_m(
    classes=80, backbone=None, input_shape=(640, 640, 3), depth=0.67, width=0.75
):
    return yolox("yolox_m", convolution, classes, backbone, input_shape, depth, width)


@register("detection", PAPER, 54_208_895, 155.6e9 / 2, "COCO val AP 49.7", SOURCES)
def yolox_l(classes=80, backbone=None, input_shape=(640, 640, 3), depth=1.0, width=1.0):
    return yolox("yolox_l", convolution, classes, backbone, input_shape, depth, width)


@register("detection", PAPER, 99_071_455, 281.9e9 / 2, "COCO val AP 51.1", SOURCES)
def yolox_x(
    classes=80, backbone=None, input_shape=(640, 640, 3), depth=1.33, width=1.25
):
    return yolox("yolox_x", convolution, classes, backbone, input_shape, depth, width)
