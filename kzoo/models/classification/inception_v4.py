"""Inception v4, Szegedy et al., AAAI 2017, https://arxiv.org/abs/1602.07261, figure 9.

As the authors' TF-slim, and timm, which has its weights: batch norm epsilon 1e-3,
average pooling over what is inside the picture. Inception-ResNet, of the same paper, is
in inception_resnet.py.
"""

import keras

from kzoo.models import branches
from kzoo.models.blocks import classifier
from kzoo.models.branches import average_pool, strided_max_pool
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Szegedy, Ioffe, Vanhoucke, Alemi",
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    "AAAI 2017",
    "1602.07261",
)

# Figure 3, the stem: filters, size, strides, padding, and three places to branch.
STEM = ((32, 3, 2), (32, 3, 1, "valid"), (64, 3))
STEM_3A = [(strided_max_pool,), ((96, 3, 2),)]
STEM_4A = [
    ((64, 1), (96, 3, 1, "valid")),
    ((64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, "valid")),
]
STEM_5A = [((192, 3, 2),), (strided_max_pool,)]

# Figures 4, 5 and 6.
A = [
    ((96, 1),),
    ((64, 1), (96, 3)),
    ((64, 1), (96, 3), (96, 3)),
    (average_pool, (96, 1)),
]
B = [
    ((384, 1),),
    ((192, 1), (224, (1, 7)), (256, (7, 1))),
    ((192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
    (average_pool, (128, 1)),
]
SPLIT = [((256, (1, 3)),), ((256, (3, 1)),)]
C = [
    ((256, 1),),
    ((384, 1), SPLIT),
    ((384, 1), (448, (3, 1)), (512, (1, 3)), SPLIT),
    (average_pool, (256, 1)),
]
# Figures 7 and 8.
REDUCTION_A = [
    ((384, 3, 2),),
    ((192, 1), (224, 3), (256, 3, 2)),
    (strided_max_pool,),
]
REDUCTION_B = [
    ((192, 1), (192, 3, 2)),
    ((256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2)),
    (strided_max_pool,),
]

# The feature level that is complete where a module begins.
LEVELS = {"mixed5a": "C2", "mixed6a": "C3", "mixed7a": "C4"}
BLOCKS = (4, 7, 3)


def modules(blocks):
    """{name: module} in their order, with so many of A, B and C; named as TF-slim's."""
    a, b, c = ("bcdefghijklmnopqrstuvwxyz"[:count] for count in blocks)
    return {
        "mixed3a": STEM_3A,
        "mixed4a": STEM_4A,
        "mixed5a": STEM_5A,
        **{f"mixed5{letter}": A for letter in a},
        "mixed6a": REDUCTION_A,
        **{f"mixed6{letter}": B for letter in b},
        "mixed7a": REDUCTION_B,
        **{f"mixed7{letter}": C for letter in c},
    }


@register(
    "classification",
    PAPER,
    42_679_816,
    12.254e9,
    "80.2 / 95.3; paper: 80.0 / 95.0",
    "timm 1.0 (size, multiply-adds), tensorflow/models research/slim (score)",
)
def inception_v4(classes=1000, input_shape=(299, 299, 3), width=1.0, blocks=BLOCKS):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    299 pixels give levels of 147, 71, 35, 17 and 8; at least 75 are needed. `width`
    multiplies the channels of every layer, `blocks` are those of the three grids.
    """
    images = keras.Input(input_shape, name="images")
    conv = branches.widened(branches.conv, width)
    x = Preprocess("tf", name="preprocess")(images)
    for i, row in enumerate(STEM, start=1):
        x = conv(x, *row, name=f"stem_{i}")
    features = {"C1": x}
    for name, module in modules(blocks).items():
        if name in LEVELS:
            features[LEVELS[name]] = x
        x = branches.mixed(x, module, conv, name)
    features["C5"] = x
    return classifier(images, features, x, classes, "inception_v4", dropout=0.2)
