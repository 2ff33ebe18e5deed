"""Inception-ResNet, Szegedy et al., AAAI 2017, https://arxiv.org/abs/1602.07261.

Figures 10 to 19; batch norm epsilon 1e-3 and what else they leave open as in TF-slim.

`inception_resnet_v2` is the network that the authors released and measured: 10, 20 and
10 blocks, where figure 15 shows 5, 10 and 5 (`blocks`), and channels that add up, where
the figures' do not. A block adds 0.17, 0.1 or 0.2 of its own (section 3.3), the last
one all, and without ReLU; a 1x1 convolution ends it. Keras' and timm's weights.
`inception_resnet_v1` is FaceNet's, which everybody has: the figures' 5 and 10 blocks,
but 6 of the last kind, shares as in v2, and 512 numbers, a face's embedding, before the
classes. `inception_resnet_v1_paper` has the figures' 5 of the last kind, all with ReLU,
and the classes behind the pooling. No weights of either are public for ImageNet.
"""

import keras
from keras import layers

from kzoo.models import branches
from kzoo.models.base import Model
from kzoo.models.blocks import classifier, he_normal
from kzoo.models.branches import average_pool, strided_max_pool
from kzoo.models.classification.inception_v4 import PAPER
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

# Figure 14: filters, size, strides, padding; a pooling follows the third. v2 has
# Inception v3's, with another pooling after the fifth in place of the sixth.
STEM = (
    (32, 3, 2),
    (32, 3, 1, "valid"),
    (64, 3),
    (80, 1),
    (192, 3, 1, "valid"),
)
STEM_6 = (256, 3, 2)

# Figures 10 to 13, and 7 for the first reduction.
V1 = {
    "block35": [((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3))],
    "mixed6a": [
        ((384, 3, 2),),
        ((192, 1), (192, 3), (256, 3, 2)),
        (strided_max_pool,),
    ],
    "block17": [((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1)))],
    "mixed7a": [
        ((256, 1), (384, 3, 2)),
        ((256, 1), (256, 3, 2)),
        ((256, 1), (256, 3), (256, 3, 2)),
        (strided_max_pool,),
    ],
    "block8": [((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1)))],
}
# Figures 16 to 19, and the module that slim puts first.
V2 = {
    "mixed5b": [
        ((96, 1),),
        ((48, 1), (64, 5)),
        ((64, 1), (96, 3), (96, 3)),
        (average_pool, (64, 1)),
    ],
    "block35": [((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))],
    "mixed6a": [
        ((384, 3, 2),),
        ((256, 1), (256, 3), (384, 3, 2)),
        (strided_max_pool,),
    ],
    "block17": [((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))],
    "mixed7a": [
        ((256, 1), (384, 3, 2)),
        ((256, 1), (288, 3, 2)),
        ((256, 1), (288, 3), (320, 3, 2)),
        (strided_max_pool,),
    ],
    "block8": [((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))],
}
# What each kind of block adds of its own.
SHARES = {"block35": 0.17, "block17": 0.1, "block8": 0.2}
LEVELS = {"block35": "C3", "block17": "C4", "block8": "C5"}


def block(x, module, share, conv, name):
    """x + share * (branches, mixed by a 1x1 convolution), without a ReLU after it."""
    y = branches.mixed(x, module, conv, name)
    y = layers.Conv2D(
        x.shape[-1], 1, kernel_initializer=he_normal(), name=f"{name}_up_conv"
    )(y)
    if share != 1:
        y = layers.Rescaling(share, name=f"{name}_share")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def repeated(x, module, count, kind, conv):
    for i in range(1, count + 1):
        x = block(x, module, SHARES[kind], conv, f"{kind}_{i}")
        x = layers.Activation("relu", name=f"{kind}_{i}_out")(x)
    return x


def last_block(x, module, number, conv):
    return block(x, module, 1, conv, f"block8_{number}")


def stem(x, conv):
    """{"C1", "C2"}, the features that all begin with."""
    features = {}
    for i, row in enumerate(STEM, start=1):
        x = conv(x, *row, name=f"stem_{i}")
        if i == 3:
            features["C1"] = x
            x = strided_max_pool(x, name="stem_3_pool")
    return {**features, "C2": x}


def body(x, modules, blocks, conv):
    """{"C3", "C4", "C5"}: `modules` in turn, those of SHARES as often as `blocks`."""
    counts, features = dict(zip(SHARES, blocks)), {}
    for name, module in modules.items():
        if name in counts:
            x = repeated(x, module, counts[name], name, conv)
            features[LEVELS[name]] = x
        else:
            x = branches.mixed(x, module, conv, name)
    return features


def begin(input_shape, width):
    """(images, its features C1 and C2, the convolution of this width)."""
    images = keras.Input(input_shape, name="images")
    conv = branches.widened(branches.conv, width)
    return images, stem(Preprocess("tf", name="preprocess")(images), conv), conv


def face_classifier(images, features, x, classes, name, units):
    """FaceNet's end: the mean over positions, an embedding, and the classes of it."""
    if classes is None:
        return Model(images, features, name=name)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = Dropout(0.2, name="dropout")(x)
    x = layers.Dense(units, use_bias=False, name="head_embedding")(x)
    x = layers.BatchNormalization(
        momentum=0.99, epsilon=1e-3, name="head_embedding_bn"
    )(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    model = Model(images, logits, name=name)
    model.task = Classification(classes)
    return model


@register(
    "classification",
    PAPER,
    23_995_624,
    6.330e9,
    "paper: 78.7 / 94.5",
    "osmr/imgclsmob (size, multiply-adds), table 2 of the paper (score)",
)
def inception_resnet_v1(
    classes=1000, input_shape=(299, 299, 3), width=1.0, blocks=(5, 10, 6)
):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    299 pixels give levels of 147, 71, 35, 17 and 8; at least 75 are needed. `width`
    multiplies the channels of every layer, `blocks` are those of the three grids.
    """
    images, features, conv = begin(input_shape, width)
    x = conv(features["C2"], *STEM_6, name="stem_6")
    at_35, at_17, at_8 = blocks
    features |= body(x, V1, (at_35, at_17, at_8 - 1), conv)
    x = features["C5"] = last_block(features["C5"], V1["block8"], at_8, conv)
    units, name = round(512 * width), "inception_resnet_v1"
    return face_classifier(images, features, x, classes, name, units)


@register(
    "classification",
    PAPER,
    22_756_328,
    None,
    "78.7 / 94.5",
    "table 2 of the paper (score); timesler/facenet-pytorch without its sixth block "
    "and embedding (size)",
)
def inception_resnet_v1_paper(
    classes=1000, input_shape=(299, 299, 3), width=1.0, blocks=(5, 10, 5)
):
    images, features, conv = begin(input_shape, width)
    x = conv(features["C2"], *STEM_6, name="stem_6")
    features |= body(x, V1, blocks, conv)
    name = "inception_resnet_v1_paper"
    return classifier(images, features, features["C5"], classes, name, dropout=0.2)


@register(
    "classification",
    PAPER,
    55_843_464,
    13.156e9,
    "80.4 / 95.3; paper: 80.1 / 95.1",
    "timm 1.0 (size, multiply-adds), tensorflow/models research/slim (score)",
)
def inception_resnet_v2(
    classes=1000, input_shape=(299, 299, 3), width=1.0, blocks=(10, 20, 10)
):
    images, features, conv = begin(input_shape, width)
    x = strided_max_pool(features["C2"], name="stem_5_pool")
    at_35, at_17, at_8 = blocks
    features |= body(x, V2, (at_35, at_17, at_8 - 1), conv)
    x = last_block(features["C5"], V2["block8"], at_8, conv)
    x = features["C5"] = conv(x, 1536, 1, name="mixed7b")
    name = "inception_resnet_v2"
    return classifier(images, features, x, classes, name, dropout=0.2)
