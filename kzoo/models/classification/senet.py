"""Squeeze-and-excitation, Hu et al., CVPR 2018, https://arxiv.org/abs/1709.01507.

What leaves a block is weighted, channel by channel, before it is added to the shortcut
(figure 3). The networks are those of the authors' prototxts, whose weights timm has as
"legacy": SE-ResNet-50 strides in the first 1x1, as He's ResNet-50; SE-ResNeXt-50 and
SENet-154 in the 3x3; the pooling behind the stem pads nothing and lets its last window
reach over the edge. SENet-154 (appendix) begins with three 3x3 convolutions, has half
as many channels in its first 1x1 as in its 3x3 of 64 groups, projects by 3x3 where it
strides, and drops 0.2 in front of the classifier.

Pixels are scaled as timm's; Caffe's were BGR minus the mean.
"""

import keras

from kzoo.models.blocks import ceil_max_pool, classifier, conv_bn, squeeze_excite
from kzoo.models.classification.resnet import add_shortcut
from kzoo.models.classification.resnext import grouped_channels, grouped_conv_bn
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Hu, Shen, Albanie, Sun, Wu",
    "Squeeze-and-Excitation Networks",
    "CVPR 2018",
    "1709.01507",
)
PAPER_TABLE = "paper, tables 2 and 8, one crop of 224; sizes of timm 1.0 legacy"


def excite(x, name):
    """All networks of the paper reduce 16 times."""
    return squeeze_excite(x, max(1, x.shape[-1] // 16), name=f"{name}_se")


def se_bottleneck(x, filters, strides, name):
    """Strided 1x1, 3x3 and 1x1 convolutions; `4 * filters` channels out."""
    y = conv_bn(x, filters, 1, strides, name=f"{name}_1")
    y = conv_bn(y, filters, 3, name=f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(x, excite(y, name), strides, name)


def se_resnext_block(x, filters, strides, name):
    """1x1, strided 3x3 of 32 groups, 1x1; `4 * filters` channels out."""
    inner = grouped_channels(filters, groups=32, width=4)
    y = conv_bn(x, inner, 1, name=f"{name}_1")
    y = grouped_conv_bn(y, inner, 32, strides, f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    return add_shortcut(x, excite(y, name), strides, name)


def senet_block(x, filters, strides, name):
    """1x1, strided 3x3 of 64 groups, 1x1; `4 * filters` channels out."""
    half, inner = (grouped_channels(filters, groups=64, width=w) for w in (2, 4))
    y = conv_bn(x, half, 1, name=f"{name}_1")
    y = grouped_conv_bn(y, inner, 64, strides, f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, activation=None, name=f"{name}_3")
    if strides > 1:
        x = conv_bn(x, 4 * filters, 3, strides, None, f"{name}_shortcut")
    return add_shortcut(x, excite(y, name), 1, name)


def stem(x, width):
    return conv_bn(x, round(64 * width), 7, 2, name="stem")


def senet_stem(x, width):
    for number, (filters, strides) in enumerate([(64, 2), (64, 1), (128, 1)], start=1):
        x = conv_bn(x, round(filters * width), 3, strides, name=f"stem_{number}")
    return x


def network(stem, block, depths, name, classes, input_shape, width, dropout=0.0):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` multiplies the channels of every layer; a group keeps one at least.
    """
    images = keras.Input(input_shape, name="images")
    x = stem(Preprocess("torch", name="preprocess")(images), width)
    features = {"C1": x}
    x = ceil_max_pool(x, 3, 2, name="stem_pool")
    for stage, depth in enumerate(depths, start=2):
        filters = round(16 * 2**stage * width)
        for i in range(1, depth + 1):
            strides = 2 if stage > 2 and i == 1 else 1
            x = block(x, filters, strides, f"stage{stage}_block{i}")
        features[f"C{stage}"] = x
    return classifier(images, features, x, classes, name, dropout)


@register("classification", PAPER, 28_088_024, 3.860e9, "76.71 / 93.38", PAPER_TABLE)
def se_resnet50(classes=1000, input_shape=(224, 224, 3), width=1.0):
    row = (stem, se_bottleneck, (3, 4, 6, 3), "se_resnet50")
    return network(*row, classes, input_shape, width)


@register("classification", PAPER, 27_559_896, 4.233e9, "78.90 / 94.51", PAPER_TABLE)
def se_resnext50_32x4d(classes=1000, input_shape=(224, 224, 3), width=1.0):
    row = (stem, se_resnext_block, (3, 4, 6, 3), "se_resnext50_32x4d")
    return network(*row, classes, input_shape, width)


@register("classification", PAPER, 115_088_984, 20.688e9, "81.32 / 95.53", PAPER_TABLE)
def senet154(classes=1000, input_shape=(224, 224, 3), width=1.0):
    row = (senet_stem, senet_block, (3, 8, 36, 3), "senet154")
    return network(*row, classes, input_shape, width, dropout=0.2)
