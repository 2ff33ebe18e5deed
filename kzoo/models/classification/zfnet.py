"""ZFNet, Zeiler and Fergus, ECCV 2014, https://arxiv.org/abs/1311.2901, figure 3.

AlexNet with first windows of 7x7 at steps of 2 and second ones at steps of 2, without
groups; each pooling comes before its contrast normalization, whose constants are
AlexNet's, since the paper names none. Poolings reach over the edge, or 110, 26 and 13
of figure 3 would not become its 55, 13 and 6. zfnet_b is table 2's model of 512, 1024
and 512 maps in layers 3 to 5.

No weights are published for it. py-faster-rcnn's "ZF" is another network: it normalizes
before pooling, within a map, and pads its windows.

Initial values are He's, as AlexNet's here.
"""

import keras
from keras import layers

from kzoo.models.blocks import ceil_max_pool, dense_classifier, he_normal
from kzoo.models.layers.local_response_normalization import LocalResponseNormalization
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Zeiler, Fergus",
    "Visualizing and Understanding Convolutional Networks",
    "ECCV 2014",
    "1311.2901",
)
COUNTED = "size and multiply-adds: osmr/imgclsmob; score: the paper's table 2"
# Maps of layers 3, 4 and 5.
A, B = (384, 384, 256), (512, 1024, 512)


def conv(x, filters, size, strides, name, padding="valid"):
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding=padding,
        activation="relu",
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)


def pool_and_normalize(x, name):
    x = ceil_max_pool(x, 3, 2, name=f"{name}_pool")
    return LocalResponseNormalization(5, 1e-4, 0.75, k=2.0, name=f"{name}_norm")(x)


def network(maps, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes) or, where `classes` is None, to
    {"C1", "C3", "C4", "C5"}: the convolutions at strides 2, 8 and 16, the last pooling.

    `width` multiplies the channels of every layer.
    """

    def wide(filters):
        return round(filters * width)

    images = keras.Input(input_shape, name="images")
    x = Preprocess("bvlc", name="preprocess")(images)
    x = layers.ZeroPadding2D(1, name="stage1_pad")(x)
    features = {}
    x = features["C1"] = conv(x, wide(96), 7, 2, "stage1")
    x = pool_and_normalize(x, "stage1")
    x = features["C3"] = conv(x, wide(256), 5, 2, "stage2")
    x = pool_and_normalize(x, "stage2")
    for stage, filters in enumerate(maps, start=3):
        x = conv(x, wide(filters), 3, 1, f"stage{stage}", padding="same")
    features["C4"] = x
    x = features["C5"] = ceil_max_pool(x, 3, 2, name="stage5_pool")
    return dense_classifier(images, features, x, classes, name, wide(4096))


@register("classification", PAPER, 62_357_608, 1.170e9, "61.6 / 83.5", COUNTED)
def zfnet(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(A, "zfnet", classes, input_shape, width)


@register("classification", PAPER, 107_627_624, 2.479e9, "62.5 / 84.0", COUNTED)
def zfnet_b(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network(B, "zfnet_b", classes, input_shape, width)
