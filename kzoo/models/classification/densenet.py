"""DenseNet, Huang et al., CVPR 2017, https://arxiv.org/abs/1608.06993, table 1.

Each layer sees the channels of all layers before it and adds `growth` of its own. All
are DenseNet-BC: a layer first narrows to 4 growth channels (bottleneck), and between
dense blocks half of the channels are kept (compression).

The ImageNet networks are torchvision's and Keras' as well. Those for CIFAR are the
authors' Torch code: three blocks of equal depth on pictures of 32 x 32 pixels, a 3x3
convolution in front without batch norm. Pixels are scaled by ImageNet's mean and
deviation, where they subtract CIFAR's.
"""

import keras
from keras import layers

from kzoo.models.blocks import classifier, conv_bn, max_pool
from kzoo.models.classification.resnet_v2 import conv, preactivate
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Huang, Liu, van der Maaten, Weinberger",
    "Densely Connected Convolutional Networks",
    "CVPR 2017",
    "1608.06993",
)
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"
TABLE_3 = "paper, table 3, one crop; sizes of torchvision's class with these depths"
# The paper has 0.8M, 15.3M and 25.6M; no publisher counts the convolutions alone.
CIFAR = "paper, table 2, CIFAR-10+; parameters: osmr/imgclsmob; multiply-adds: sum"


def dense_layer(x, growth, dropout, name):
    """x and `growth` new channels."""
    y = conv(preactivate(x, f"{name}_1"), 4 * growth, 1, name=f"{name}_1")
    y = drop(y, dropout, f"{name}_1_dropout")
    y = conv(preactivate(y, f"{name}_2"), growth, 3, name=f"{name}_2")
    y = drop(y, dropout, f"{name}_2_dropout")
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def transition(x, dropout, name):
    """Half of the channels at half of the side, rounded down."""
    x = conv(preactivate(x, name), x.shape[-1] // 2, 1, name=name)
    x = drop(x, dropout, f"{name}_dropout")
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def drop(x, rate, name):
    return Dropout(rate, name=name)(x) if rate else x


def dense_stages(x, depths, growth, first, dropout=0.0):
    """Yields (stage, its channels) of stages first, first + 1, ..."""
    for stage, depth in enumerate(depths, start=first):
        if stage > first:
            x = transition(x, dropout, f"stage{stage - 1}_transition")
        for i in range(1, depth + 1):
            x = dense_layer(x, growth, dropout, f"stage{stage}_layer{i}")
        yield stage, x


def imagenet(depths, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    "C2" .. "C4" are the channels that a stage leaves, before any activation; "C5" is
    activated. `width` multiplies the growth of 32 and the 64 channels in front.
    """
    growth = round(32 * width)
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    x = conv_bn(x, 2 * growth, 7, strides=2, name="stem")
    features = {"C1": x}
    x = max_pool(x, 3, strides=2, name="stem_pool")
    for stage, x in dense_stages(x, depths, growth, first=2):
        features[f"C{stage}"] = x
    features["C5"] = x = preactivate(x, "post")
    return classifier(images, features, x, classes, name)


def cifar(depth, growth, name, classes, input_shape, dropout):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1", "C2"}.

    Each dense block has a third of the `depth` layers, less those around it. The paper
    has a `dropout` of 0.2 where it trains on pictures without augmentation.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    x = conv(x, 2 * growth, 3, name="stem")
    features, depths = {}, [(depth - 4) // 6] * 3
    for stage, x in dense_stages(x, depths, growth, first=1, dropout=dropout):
        if stage > 1:
            features[f"C{stage - 1}"] = x
    features["C2"] = x = preactivate(x, "post")
    return classifier(images, features, x, classes, name)


@register("classification", PAPER, 7_978_856, 2.834e9, "74.434 / 91.972", TORCHVISION)
def densenet121(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((6, 12, 24, 16), "densenet121", classes, input_shape, width)


@register("classification", PAPER, 14_149_480, 3.360e9, "75.600 / 92.806", TORCHVISION)
def densenet169(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((6, 12, 32, 32), "densenet169", classes, input_shape, width)


@register("classification", PAPER, 20_013_928, 4.291e9, "76.896 / 93.370", TORCHVISION)
def densenet201(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((6, 12, 48, 32), "densenet201", classes, input_shape, width)


@register("classification", PAPER, 33_337_704, 5.752e9, "77.85 / 93.88", TABLE_3)
def densenet264(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((6, 12, 64, 48), "densenet264", classes, input_shape, width)


@register("classification", PAPER, 769_162, 0.2879e9, "95.49", CIFAR)
def densenet_bc100_12_cifar(
    classes=10, input_shape=(32, 32, 3), growth=12, dropout=0.0
):
    name = "densenet_bc100_12_cifar"
    return cifar(100, growth, name, classes, input_shape, dropout)


@register("classification", PAPER, 15_324_406, 5.4188e9, "96.38", CIFAR)
def densenet_bc250_24_cifar(
    classes=10, input_shape=(32, 32, 3), growth=24, dropout=0.0
):
    name = "densenet_bc250_24_cifar"
    return cifar(250, growth, name, classes, input_shape, dropout)


@register("classification", PAPER, 25_624_430, 9.3019e9, "96.54", CIFAR)
def densenet_bc190_40_cifar(
    classes=10, input_shape=(32, 32, 3), growth=40, dropout=0.0
):
    name = "densenet_bc190_40_cifar"
    return cifar(190, growth, name, classes, input_shape, dropout)
