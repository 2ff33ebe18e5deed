"""ShuffleNet v2, Ma et al., ECCV 2018, https://arxiv.org/abs/1807.11164, table 5.

As torchvision has it, whose weights it takes. The authors' own code shuffles before a
unit splits its channels, which is another order of the same network, and has no bias
in the last layer.
"""

import keras
from keras import layers, ops

from kzoo.models.blocks import classifier, conv_bn, max_pool
from kzoo.models.classification.mobilenet_v2 import TORCHVISION, depthwise
from kzoo.models.layers.channel_shuffle import ChannelShuffle
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Ma, Zhang, Zheng, Sun",
    "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
    "ECCV 2018",
    "1807.11164",
)

# Table 5: output channels of stages 2, 3 and 4 and of the last convolution.
CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
DEPTHS = (4, 8, 4)


def branch(x, filters, strides, name):
    """1x1, depthwise and 1x1 convolutions; no ReLU after the depthwise one."""
    x = conv_bn(x, filters, 1, name=f"{name}_1")
    x = depthwise(x, 3, strides, TORCHVISION, f"{name}_2_depthwise", activation=None)
    return conv_bn(x, filters, 1, name=f"{name}_3")


def unit(x, name):
    """Half of the channels go through a branch, half stay (figure 3c)."""
    kept, y = ops.split(x, 2, axis=-1)
    return join(kept, branch(y, y.shape[-1], 1, name), name)


def down_unit(x, filters, name):
    """All channels go through both of two branches of stride 2 (figure 3d)."""
    kept = depthwise(
        x, 3, 2, TORCHVISION, f"{name}_shortcut_depthwise", activation=None
    )
    kept = conv_bn(kept, filters // 2, 1, name=f"{name}_shortcut")
    return join(kept, branch(x, filters // 2, 2, name), name)


def join(kept, y, name):
    x = layers.Concatenate(name=f"{name}_concat")([kept, y])
    return ChannelShuffle(2, name=f"{name}_shuffle")(x)


@register(
    "classification",
    PAPER,
    2_278_604,
    0.145e9,
    "69.362 / 88.316",
    "torchvision 0.28, IMAGENET1K_V1",
)
def shufflenet_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` is one of the paper's: 0.5, 1.0, 1.5 or 2.0.
    """
    if width not in CHANNELS:
        choices = ", ".join(map(str, CHANNELS))
        raise ValueError(f"no ShuffleNet v2 of width {width}; there are {choices}")
    *stages, last = CHANNELS[width]
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    x = conv_bn(x, 24, 3, strides=2, name="stem")
    features = {"C1": x}
    x = features["C2"] = max_pool(x, 3, strides=2, name="stem_pool")
    for stage, (filters, depth) in enumerate(zip(stages, DEPTHS), start=2):
        x = down_unit(x, filters, f"stage{stage}_block1")
        for i in range(2, depth + 1):
            x = unit(x, f"stage{stage}_block{i}")
        features[f"C{stage + 1}"] = x
    x = conv_bn(x, last, 1, name="head")
    return classifier(images, features, x, classes, "shufflenet_v2")
