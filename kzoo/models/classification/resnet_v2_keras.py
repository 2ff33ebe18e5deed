"""ResNet v2 as keras.applications has it, and TF-slim before: ResNet50V2, ...

Unlike the paper's (resnet_v2.py), a stage strides in its last block and not in its
first, so that stages 2 to 4 compute at twice the side and what follows at half; the
strided block's shortcut takes every second pixel. The first convolution, those of the
shortcuts and each block's last one have biases. Zeros are padded before the pooling.
"""

import keras
from keras import layers

from kzoo.models.blocks import classifier, max_pool
from kzoo.models.classification.resnet_v2 import PAPER, conv, preactivate
from kzoo.models.registry import register
from kzoo.preprocessing import Preprocess

KERAS = "keras.applications 3.15"


def block(x, filters, strides, name):
    """1x1, strided 3x3 and 1x1 convolutions; `4 * filters` channels out."""
    y = preactivate(x, f"{name}_1")
    if x.shape[-1] != 4 * filters:
        x = conv(y, 4 * filters, 1, name=f"{name}_shortcut", use_bias=True)
    elif strides > 1:
        x = layers.MaxPooling2D(1, strides, name=f"{name}_shortcut")(x)
    y = conv(y, filters, 1, name=f"{name}_1")
    y = preactivate(y, f"{name}_2")
    y = conv(y, filters, 3, strides, f"{name}_2")
    y = preactivate(y, f"{name}_3")
    y = conv(y, 4 * filters, 1, name=f"{name}_3", use_bias=True)
    return layers.Add(name=f"{name}_add")([x, y])


def network(depths, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    "C2" .. "C4" are the sums before the block that strides, "C5" is activated. `width`
    multiplies the channels of every layer.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = conv(x, round(64 * width), 7, 2, "stem", use_bias=True)
    features = {"C1": x}
    x = max_pool(x, 3, 2, name="stem_pool")
    for stage, depth in enumerate(depths, start=2):
        filters = round(16 * 2**stage * width)
        for i in range(1, depth + 1):
            strides = 2 if stage < 5 and i == depth else 1
            if strides > 1:
                features[f"C{stage}"] = x
            x = block(x, filters, strides, f"stage{stage}_block{i}")
    features["C5"] = x = preactivate(x, "post")
    return classifier(images, features, x, classes, name)


@register("classification", PAPER, 25_568_360, 3.482e9, "76.0 / 93.0", KERAS)
def resnet50_v2_keras(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network((3, 4, 6, 3), "resnet50_v2_keras", classes, input_shape, width)


@register("classification", PAPER, 44_577_896, 7.195e9, "77.2 / 93.8", KERAS)
def resnet101_v2_keras(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network((3, 4, 23, 3), "resnet101_v2_keras", classes, input_shape, width)


@register("classification", PAPER, 60_236_904, 10.907e9, "78.0 / 94.2", KERAS)
def resnet152_v2_keras(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return network((3, 8, 36, 3), "resnet152_v2_keras", classes, input_shape, width)
