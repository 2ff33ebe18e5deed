"""ShuffleNet, Zhang et al., CVPR 2018, https://arxiv.org/abs/1707.01083, table 1.

As the authors' later code has it (megvii-model/ShuffleNet-Series), whose weights it
takes: pixels are BGR as they came; the shuffle is behind the depthwise convolution,
and deals channels out the other way round, as many groups as a group has channels;
the last layer has no bias; the first convolution has 24 channels at widths of 1 and
1.5 and half or twice of it at 0.5 and 2.
"""

import math

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import conv_bn, he_normal, max_pool
from kzoo.models.classification.mobilenet_v2 import TORCHVISION, depthwise
from kzoo.models.layers.channel_shuffle import ChannelShuffle
from kzoo.models.layers.grouped_conv import GroupedConv2D
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "Zhang, Zhou, Lin, Sun",
    "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile "
    "Devices",
    "CVPR 2018",
    "1707.01083",
)

# Table 1: {groups: output channels of stage 2}; the next stages have twice as many.
CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
DEPTHS = (4, 8, 4)


def grouped_conv_bn(x, filters, groups, activation, name):
    """1x1 convolution within groups of channels, batch normalization, activation."""
    x = GroupedConv2D(
        filters,
        1,
        groups=groups,
        use_bias=False,
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    if activation:
        x = layers.Activation(activation, name=f"{name}_act")(x)
    return x


def residual(x, filters, squeezed, groups, first_groups, strides, name):
    """Squeeze in groups, filter each channel, shuffle, expand in groups (figure 2)."""
    x = grouped_conv_bn(x, squeezed, first_groups, "relu", f"{name}_1")
    x = depthwise(x, 3, strides, TORCHVISION, f"{name}_2_depthwise", activation=None)
    if groups > 1:
        x = ChannelShuffle(squeezed // groups, name=f"{name}_shuffle")(x)
    return grouped_conv_bn(x, filters, groups, None, f"{name}_3")


def unit(x, groups, name):
    """relu(x + residual), figure 2b."""
    filters = x.shape[-1]
    y = residual(x, filters, filters // 4, groups, groups, 1, name)
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(x)


def down_unit(x, filters, groups, first_groups, name):
    """The mean of 3x3 pixels beside the residual, figure 2c."""
    rest = filters - x.shape[-1]
    y = residual(x, rest, filters // 4, groups, first_groups, 2, name)
    y = layers.Activation("relu", name=f"{name}_out")(y)
    x = layers.ZeroPadding2D(1, name=f"{name}_shortcut_pad")(x)
    x = layers.AveragePooling2D(3, 2, name=f"{name}_shortcut_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def channels(groups, width):
    """Of the first convolution and of stages 2, 3 and 4: what the groups divide, and a
    quarter of a stage's too. Rounded up where they do not; the authors' need it not.
    """
    stem = 24 * 2 ** math.floor(math.log2(width))
    stage = math.ceil(CHANNELS[groups] * width / (4 * groups)) * 4 * groups
    return math.ceil(stem / groups) * groups, stage, 2 * stage, 4 * stage


@register(
    "classification",
    PAPER,
    1_864_728,
    0.1375e9,
    "67.8 / 87.7",
    "megvii-model/ShuffleNet-Series, 3 groups; paper: 67.4",
)
def shufflenet_v1(classes=1000, input_shape=(224, 224, 3), groups=3, width=1.0):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `groups` is one of the paper's: 1, 2, 3, 4 or 8; `width` multiplies all channels.
    """
    if groups not in CHANNELS:
        choices = ", ".join(map(str, CHANNELS))
        raise ValueError(f"no ShuffleNet of {groups} groups; there are {choices}")
    images = keras.Input(input_shape, name="images")
    x = Preprocess("megvii", name="preprocess")(images)
    first, *stages = channels(groups, width)
    x = conv_bn(x, first, 3, strides=2, name="stem")
    features = {"C1": x}
    x = features["C2"] = max_pool(x, 3, strides=2, name="stem_pool")
    for stage, (filters, depth) in enumerate(zip(stages, DEPTHS), start=2):
        # Few channels come from the stem: the next convolution sees all of them.
        first_groups = 1 if stage == 2 else groups
        x = down_unit(x, filters, groups, first_groups, f"stage{stage}_block1")
        for i in range(2, depth + 1):
            x = unit(x, groups, f"stage{stage}_block{i}")
        features[f"C{stage + 1}"] = x
    if classes is None:
        return Model(images, features, name="shufflenet_v1")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(classes, use_bias=False, dtype="float32", name="logits")(x)
    model = Model(images, logits, name="shufflenet_v1")
    model.task = Classification(classes)
    return model
