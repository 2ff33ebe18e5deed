"""Inception v3, Szegedy et al., CVPR 2016, https://arxiv.org/abs/1512.00567, table 1.

As the authors' in TF-slim and Keras, where table 1 leaves things open: batch norm
epsilon 1e-3, average pooling over what is inside the picture. Theirs learns no gamma,
which a ReLU and another convolution follow anyway; ours has the gamma of the batch
normalization paper, as timm's and torchvision's have, and is 1 in their weights.

`inception_v3` takes Keras' weights. `inception_v3_torchvision` is PyTorch's copy, whose
average poolings count the padding: torchvision's weights and timm's `tf_in1k` and
`tf_adv_in1k` came from TensorFlow, but are published with this network's scores.
`inception_v3_gluon` is the same with MXNet's pixel scale, for timm's `gluon_in1k`.
"""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from kzoo.models import branches
from kzoo.models.blocks import classifier
from kzoo.models.branches import average_pool, padded_average_pool, strided_max_pool
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna",
    "Rethinking the Inception Architecture for Computer Vision",
    "CVPR 2016",
    "1512.00567",
)
TIMM = "timm 1.0, gluon_in1k"

# Filters, size, strides, padding; a pooling follows the third and the fifth.
STEM = (
    (32, 3, 2),
    (32, 3, 1, "valid"),
    (64, 3),
    (80, 1),
    (192, 3, 1, "valid"),
)
# The feature level that a part of the network completes.
LEVELS = {
    "stem_3": "C1",
    "stem_5": "C2",
    "mixed5d": "C3",
    "mixed6e": "C4",
    "mixed7c": "C5",
}


def grid_35(pool, projection):
    """Figure 5, with a 5x5 left whole where the paper has two 3x3."""
    return [
        ((64, 1),),
        ((48, 1), (64, 5)),
        ((64, 1), (96, 3), (96, 3)),
        (pool, (projection, 1)),
    ]


def grid_17(pool, filters):
    """Figure 6: 7x7 filters as pairs of 1x7 and 7x1."""
    row, column = (filters, (1, 7)), (filters, (7, 1))
    return [
        ((192, 1),),
        ((filters, 1), row, (192, (7, 1))),
        ((filters, 1), column, row, column, (192, (1, 7))),
        (pool, (192, 1)),
    ]


def grid_8(pool):
    """Figure 7: 1x3 and 3x1 side by side."""
    split = [((384, (1, 3)),), ((384, (3, 1)),)]
    return [
        ((320, 1),),
        ((384, 1), split),
        ((448, 1), (384, 3), split),
        (pool, (192, 1)),
    ]


# Figure 10: strided convolutions beside a pooling.
TO_GRID_17 = [
    ((384, 3, 2),),
    ((64, 1), (96, 3), (96, 3, 2)),
    (strided_max_pool,),
]
TO_GRID_8 = [
    ((192, 1), (320, 3, 2)),
    ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)),
    (strided_max_pool,),
]


def modules(pool):
    """{name: module} in their order; the names are TF-slim's."""
    return {
        "mixed5b": grid_35(pool, 32),
        "mixed5c": grid_35(pool, 64),
        "mixed5d": grid_35(pool, 64),
        "mixed6a": TO_GRID_17,
        "mixed6b": grid_17(pool, 128),
        "mixed6c": grid_17(pool, 160),
        "mixed6d": grid_17(pool, 160),
        "mixed6e": grid_17(pool, 192),
        "mixed7a": TO_GRID_8,
        "mixed7b": grid_8(pool),
        "mixed7c": grid_8(pool),
    }


def auxiliary_head(x, classes, conv, name):
    """A classifier of the last 17x17 grid, to (B, classes); section 4."""
    x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
    x = conv(x, 128, 1, name=f"{name}_1")
    # Pictures below 299 pixels leave less than 5x5; slim's filter shrinks as well.
    size = [min(5, side or 5) for side in x.shape[1:3]]
    x = conv(x, 768, size, 1, "valid", name=f"{name}_2")
    x = layers.GlobalAveragePooling2D(name=f"{name}_mean")(x)
    return layers.Dense(classes, dtype="float32", name=f"{name}_logits")(x)


@dataclasses.dataclass(frozen=True)
class Style:
    """What an implementation has of its own."""

    pixels: str  # mode of Preprocess
    pool: Callable


SLIM = Style("tf", average_pool)
TORCHVISION = Style("tf", padded_average_pool)
GLUON = Style("torch", padded_average_pool)


def network(style, name, classes, input_shape, width, auxiliary):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    299 pixels give levels of 147, 71, 35, 17 and 8; at least 75 are needed, 107 for
    the auxiliary head. `width` multiplies the channels of every layer. `auxiliary`
    gives {"logits", "auxiliary1"} instead of logits.
    """
    images = keras.Input(input_shape, name="images")
    conv = branches.widened(branches.conv, width)
    x = Preprocess(style.pixels, name="preprocess")(images)
    features = {}
    for i, row in enumerate(STEM, start=1):
        x = conv(x, *row, name=f"stem_{i}")
        if f"stem_{i}" in LEVELS:
            features[LEVELS[f"stem_{i}"]] = x
            x = strided_max_pool(x, name=f"stem_{i}_pool")
    for module, rows in modules(style.pool).items():
        x = branches.mixed(x, rows, conv, module)
        if module in LEVELS:
            features[LEVELS[module]] = x
    model = classifier(images, features, x, classes, name, dropout=0.2)
    if classes is None or not auxiliary:
        return model
    head = auxiliary_head(features["C4"], classes, conv, "head_auxiliary1")
    return branches.with_auxiliary(model, {"auxiliary1": head})


@register(
    "classification",
    PAPER,
    23_834_568,
    5.713e9,
    "77.9 / 93.7; paper: 78.8 / 94.4",
    "timm 1.0 (size), which has gamma; keras.applications (score)",
)
def inception_v3(classes=1000, input_shape=(299, 299, 3), width=1.0, auxiliary=False):
    return network(SLIM, "inception_v3", classes, input_shape, width, auxiliary)


@register(
    "classification",
    PAPER,
    23_834_568,
    5.713e9,
    "77.294 / 93.450",
    "torchvision 0.28, IMAGENET1K_V1, its auxiliary head not counted",
)
def inception_v3_torchvision(
    classes=1000, input_shape=(299, 299, 3), width=1.0, auxiliary=False
):
    name = "inception_v3_torchvision"
    return network(TORCHVISION, name, classes, input_shape, width, auxiliary)


@register("classification", PAPER, 23_834_568, 5.713e9, "78.806 / 94.372", TIMM)
def inception_v3_gluon(
    classes=1000, input_shape=(299, 299, 3), width=1.0, auxiliary=False
):
    return network(GLUON, "inception_v3_gluon", classes, input_shape, width, auxiliary)
