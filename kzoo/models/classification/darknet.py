"""Darknet's classifiers, which YOLO's three versions of 2016 stand on.

`darknet19` is Redmon and Farhadi, CVPR 2017, https://arxiv.org/abs/1612.08242, table 6.
`extraction` is the network that YOLO v1 was trained from, its first 20 convolutions,
Redmon et al., CVPR 2016, https://arxiv.org/abs/1506.02640, section 2.2: without batch
norms, as the paper has it and the authors' cfg/extraction.conv.cfg. `extraction_bn` is
the one they published weights of (cfg/extraction.cfg); its last layer is leaky too.
`darknet_reference` is their small and fast one (cfg/darknet.cfg), which no paper
describes and the tiny YOLOs stand on.

Pixels are RGB in 0..1. The authors number ImageNet's classes as its development kit
does; loaded weights give them in the order that everybody else has. Their batch norms
divide by the deviation plus 1e-6 on a CPU (on a GPU by the root of the variance plus
1e-5), ours by the root of the variance plus 1e-6: the converter moves the variance so
that both are the same number.
"""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import classifier, he_normal
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

YOLO9000 = Paper(
    "Redmon, Farhadi", "YOLO9000: Better, Faster, Stronger", "CVPR 2017", "1612.08242"
)
YOLO = Paper(
    "Redmon, Divvala, Girshick, Farhadi",
    "You Only Look Once: Unified, Real-Time Object Detection",
    "CVPR 2016",
    "1506.02640",
)
SITE = "pjreddie.com/darknet/imagenet, which counts a multiply-add as two"
EPSILON = 1e-6

# (filters, size) of the convolutions between two poolings, or (filters, size, strides).
DARKNET19 = (
    ((32, 3),),
    ((64, 3),),
    ((128, 3), (64, 1), (128, 3)),
    ((256, 3), (128, 1), (256, 3)),
    ((512, 3), (256, 1), (512, 3), (256, 1), (512, 3)),
    ((1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)),
)
EXTRACTION = (
    ((64, 7, 2),),
    ((192, 3),),
    ((128, 1), (256, 3), (256, 1), (512, 3)),
    (*((256, 1), (512, 3)) * 4, (512, 1), (1024, 3)),
    ((512, 1), (1024, 3)) * 2,
)
REFERENCE = (((16, 3),), ((32, 3),), ((64, 3),), ((128, 3),), ((256, 3),), ((512, 3),))


def plain_convolution(x, filters, size, name, strides=1):
    """Convolution with biases, leaky ReLU."""
    return _convolution(x, filters, size, strides, None, name)


def convolution(x, filters, size, name, strides=1):
    """Convolution, batch norm, leaky ReLU."""
    norm = layers.BatchNormalization(momentum=0.9, epsilon=EPSILON, name=f"{name}_bn")
    return _convolution(x, filters, size, strides, norm, name)


def _convolution(x, filters, size, strides, norm, name):
    if strides > 1:
        # Evenly, where Keras' "same" does not.
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        size,
        strides,
        padding="same" if strides == 1 else "valid",
        use_bias=norm is None,
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)
    x = norm(x) if norm else x
    return layers.LeakyReLU(0.1, name=f"{name}_act")(x)


def max_pool(x, name, strides=2):
    """Of 2x2 pixels; at an odd side, and at stride 1, the last one is alone."""
    return layers.MaxPooling2D(2, strides, padding="same", name=name)(x)


def network(stages, layer, images, width):
    """Maps images (B, H, W, 3) to {"C1": ..., "C5": ...}: what goes into each pooling,
    by its stride, and the end. `width` multiplies the channels of every layer."""
    x = Preprocess("unit", name="preprocess")(images)
    features, level = {}, 0
    for stage, rows in enumerate(stages, start=1):
        if stage > 1:
            x, level = max_pool(x, f"stage{stage - 1}_pool"), level + 1
        for i, (filters, size, *strides) in enumerate(rows, start=1):
            x = layer(x, round(filters * width), size, f"stage{stage}_{i}", *strides)
            level += len(strides)
        if level:
            features[f"C{level}"] = x
    return features


def map_classifier(images, features, classes, name, leaky=False):
    """A map for each class, and their means: logits (B, classes), or the features."""
    if classes is None:
        return Model(images, features, name=name)
    x = layers.Conv2D(
        classes, 1, kernel_initializer=he_normal(), dtype="float32", name="logits_conv"
    )(features["C5"])
    if leaky:
        x = layers.LeakyReLU(0.1, dtype="float32", name="logits_act")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)
    model = Model(images, x, name=name)
    model.task = Classification(classes)
    return model


@register("classification", YOLO9000, 20_842_376, 3.645e9, "72.9 / 91.2", SITE)
def darknet19(classes=1000, input_shape=(256, 256, 3), width=1.0):
    images = keras.Input(input_shape, name="images")
    features = network(DARKNET19, convolution, images, width)
    return map_classifier(images, features, classes, "darknet19")


@register(
    "classification",
    YOLO,
    23_428_136,
    None,
    "top-5 88 of one crop (section 2.2)",
    "paper; size of the authors' cfg/extraction.conv.cfg",
)
def extraction(classes=1000, input_shape=(224, 224, 3), width=1.0):
    images = keras.Input(input_shape, name="images")
    features = network(EXTRACTION, plain_convolution, images, width)
    return classifier(images, features, features["C5"], classes, "extraction")


@register("classification", YOLO, 23_437_224, 4.26e9, "72.5 / 90.8", SITE)
def extraction_bn(classes=1000, input_shape=(224, 224, 3), width=1.0):
    images = keras.Input(input_shape, name="images")
    features = network(EXTRACTION, convolution, images, width)
    return map_classifier(images, features, classes, "extraction_bn", leaky=True)


@register("classification", YOLO9000, 7_319_416, 0.48e9, "61.1 / 83.0", SITE)
def darknet_reference(classes=1000, input_shape=(256, 256, 3), width=1.0):
    images = keras.Input(input_shape, name="images")
    features = network(REFERENCE, convolution, images, width)
    if classes is None:
        return Model(images, features, name="darknet_reference")
    x = max_pool(features["C5"], "head_max_pool")
    x = convolution(x, round(1024 * width), 3, "head")
    return classifier(images, features, x, classes, "darknet_reference")
