"""AlexNet, Krizhevsky et al., NIPS 2012, section 3 and figure 2.

`alexnet` is the paper's: convolutions 2, 4 and 5 in two groups, local response
normalization, overlapping pooling; 227 pixels, with which its 224 and its 55x55 agree.
`alexnet_bvlc` is Berkeley's replica with published weights: its normalization adds 1
where the paper adds 2, and a fifth of each square. `caffenet` is theirs that pools
before it normalizes. `alexnet_torchvision` is the network of one tower from
https://arxiv.org/abs/1404.5997, without groups and normalization.

Initial values are He's: of the paper's, N(0, 0.01) and biases of 1, Berkeley reports
that the loss stays flat.
"""

import keras
from keras import layers

from kzoo.models.blocks import dense_classifier, he_normal
from kzoo.models.layers.adaptive_pooling import AdaptiveAveragePooling2D
from kzoo.models.layers.grouped_conv import GroupedConv2D
from kzoo.models.layers.local_response_normalization import LocalResponseNormalization
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Krizhevsky, Sutskever, Hinton",
    "ImageNet Classification with Deep Convolutional Neural Networks",
    "NIPS 2012",
)
ONE_TOWER = Paper(
    "Krizhevsky",
    "One weird trick for parallelizing convolutional neural networks",
    "arXiv 2014",
    "1404.5997",
)
BVLC = "BVLC/caffe models: deploy.prototxt and readme, one crop"


def conv(x, filters, size, strides, name, padding=0, groups=1):
    """Convolution with biases, ReLU; `padding` zeros on each side."""
    if padding and strides > 1:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    kind = layers.Conv2D if groups == 1 else GroupedConv2D
    return kind(
        filters,
        size,
        strides,
        padding="same" if padding and strides == 1 else "valid",
        groups=groups,
        activation="relu",
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)


def overlapping_pool(x, name):
    """Windows of 3 at steps of 2 (section 3.4)."""
    return layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)


def paper_norm(x, name):
    """Section 3.3's constants."""
    return LocalResponseNormalization(5, 1e-4, 0.75, k=2.0, name=f"{name}_norm")(x)


def caffe_norm(x, name):
    """Caffe's reading of them: it divides by the size, and adds 1."""
    return LocalResponseNormalization(5, 1e-4 / 5, 0.75, k=1.0, name=f"{name}_norm")(x)


def paper_rest(x, name):
    return overlapping_pool(paper_norm(x, name), name)


def bvlc_rest(x, name):
    return overlapping_pool(caffe_norm(x, name), name)


def caffenet_rest(x, name):
    return caffe_norm(overlapping_pool(x, name), name)


def alexnet_of(rest, name, classes, input_shape, width):
    """Builds the network of two groups; `rest` normalizes and pools.

    Maps images (B, H, W, 3) to logits (B, classes) or, where `classes` is None, to
    {"C2", "C3", "C4", "C5"}: the convolutions at strides 4, 8 and 16 and the last
    pooling. `width` multiplies the channels of every layer.
    """

    def wide(filters):
        return round(filters * width)

    images = keras.Input(input_shape, name="images")
    x = Preprocess("bvlc", name="preprocess")(images)
    features = {}
    x = features["C2"] = conv(x, wide(96), 11, 4, "stage1")
    x = rest(x, "stage1")
    x = features["C3"] = conv(x, wide(256), 5, 1, "stage2", padding=2, groups=2)
    x = rest(x, "stage2")
    x = conv(x, wide(384), 3, 1, "stage3", padding=1)
    x = conv(x, wide(384), 3, 1, "stage4", padding=1, groups=2)
    x = conv(x, wide(256), 3, 1, "stage5", padding=1, groups=2)
    features["C4"] = x
    x = features["C5"] = overlapping_pool(x, "stage5")
    return dense_classifier(images, features, x, classes, name, wide(4096))


def alexnet_one_tower(name, classes, input_shape, width):
    """Builds the network of 2014; logits or features as above.

    Its last feature map is pooled to 6x6 whatever the picture's size.
    """

    def wide(filters):
        return round(filters * width)

    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    features = {}
    x = features["C2"] = conv(x, wide(64), 11, 4, "stage1", padding=2)
    x = overlapping_pool(x, "stage1")
    x = features["C3"] = conv(x, wide(192), 5, 1, "stage2", padding=2)
    x = overlapping_pool(x, "stage2")
    x = conv(x, wide(384), 3, 1, "stage3", padding=1)
    x = conv(x, wide(256), 3, 1, "stage4", padding=1)
    x = features["C4"] = conv(x, wide(256), 3, 1, "stage5", padding=1)
    x = features["C5"] = overlapping_pool(x, "stage5")
    if classes is not None and x.shape[1:3] != (6, 6):
        x = AdaptiveAveragePooling2D(6, name="head_pool")(x)
    return dense_classifier(images, features, x, classes, name, wide(4096))


@register(
    "classification",
    PAPER,
    60_965_224,
    0.7244e9,
    "59.3 / 81.8",
    "size: BVLC/caffe; score: the paper's table 2, one network",
)
def alexnet(classes=1000, input_shape=(227, 227, 3), width=1.0):
    return alexnet_of(paper_rest, "alexnet", classes, input_shape, width)


@register("classification", PAPER, 60_965_224, 0.7244e9, "57.1 / 80.2", BVLC)
def alexnet_bvlc(classes=1000, input_shape=(227, 227, 3), width=1.0):
    return alexnet_of(bvlc_rest, "alexnet_bvlc", classes, input_shape, width)


@register("classification", PAPER, 60_965_224, 0.7244e9, "57.4 / 80.4", BVLC)
def caffenet(classes=1000, input_shape=(227, 227, 3), width=1.0):
    return alexnet_of(caffenet_rest, "caffenet", classes, input_shape, width)


@register(
    "classification",
    ONE_TOWER,
    61_100_840,
    0.714e9,
    "56.522 / 79.066",
    "torchvision 0.28, IMAGENET1K_V1",
)
def alexnet_torchvision(classes=1000, input_shape=(224, 224, 3), width=1.0):
    name = "alexnet_torchvision"
    return alexnet_one_tower(name, classes, input_shape, width)
