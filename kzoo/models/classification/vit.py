"""Vision Transformer, Dosovitskiy et al., ICLR 2021, https://arxiv.org/abs/2010.11929.

Table 1 has B and L. S and Ti are of the authors' repository, the sizes of Touvron et
al. 2021 (https://arxiv.org/abs/2012.12877); it trains them as Steiner et al. 2022 do
(AugReg, https://arxiv.org/abs/2106.10270).
The `_torchvision` ones take the pixels that torchvision trained with; else they are
the same. The head is the one of fine-tuning, a linear layer (section 3.1); a file with
the hidden layer of pre-training loads without it. The paper starts the head at zero;
here, as in every kzoo classifier, it starts at random.
"""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import drop_path
from kzoo.models.layers.attention import Attention, gelu
from kzoo.models.layers.dropout import Dropout
from kzoo.models.layers.positions import ClassToken, PositionEmbedding
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, "
    "Minderer, Heigold, Gelly, Uszkoreit, Houlsby",
    "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
    "ICLR 2021",
    "2010.11929",
)
TIMM = "timm 1.0.31, augreg_in21k_ft_in1k at 224"
AUGREG = "google-research/vision_transformer, AugReg at 384; timm 1.0.31 for the size"
TORCHVISION = "torchvision 0.28, IMAGENET1K_V1"

PATCH = 16
HEAD_CHANNELS = 64  # of each head, in all rows of table 1

# Table 1: heads and blocks.
SIZES = {"ti": (3, 12), "s": (6, 12), "b": (12, 12), "l": (16, 24)}
# Mode of Preprocess, end of the name.
AUTHORS = ("tf", "")
AS_TORCHVISION = ("torch", "_torchvision")


def normalize(x, name):
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}_ln")(x)


def dense(x, units, dropout, name):
    x = layers.Dense(units, name=name)(x)
    return Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x


def attend(x, heads, dropout, name):
    """Multi-head self-attention of tokens (B, N, C), appendix A."""
    channels = x.shape[-1]
    parts = [
        layers.Dense(channels, name=f"{name}_{part}")(x)
        for part in ("query", "key", "value")
    ]
    x = Attention(heads, name=name)(parts)
    return dense(x, channels, dropout, f"{name}_out")


def mlp(x, dropout, name):
    channels = x.shape[-1]
    x = dense(x, 4 * channels, 0, f"{name}_1")
    x = layers.Activation(gelu, name=f"{name}_gelu")(x)
    if dropout:
        x = Dropout(dropout, name=f"{name}_gelu_dropout")(x)
    return dense(x, channels, dropout, f"{name}_2")


def block(x, heads, dropout, rate, name):
    """Equations 2 and 3; `rate` is of being left out in training."""
    y = attend(normalize(x, f"{name}_1"), heads, dropout, f"{name}_attention")
    y = drop_path(y, rate, f"{name}_1_drop")
    x = layers.Add(name=f"{name}_1_add")([x, y])
    y = mlp(normalize(x, f"{name}_2"), dropout, f"{name}_mlp")
    y = drop_path(y, rate, f"{name}_2_drop")
    return layers.Add(name=f"{name}_2_add")([x, y])


def embed(images, pixels, channels, dropout):
    """Equation 1: patches as tokens, (B, H, W, 3) -> (B, 1 + H / 16 * W / 16, C)."""
    x = Preprocess(pixels, name="preprocess")(images)
    x = layers.Conv2D(
        channels, PATCH, PATCH, kernel_initializer="lecun_normal", name="patches_conv"
    )(x)
    grid = x.shape[1:3]
    x = layers.Reshape((grid[0] * grid[1], channels), name="patches")(x)
    x = ClassToken(name="class_token")(x)
    x = PositionEmbedding(grid, name="positions")(x)
    return Dropout(dropout, name="positions_dropout")(x) if dropout else x


def vit(size, style, classes, input_shape, width, dropout, path):
    """Maps images (B, H, W, 3) to logits (B, classes) or, where `classes` is None, to
    {"C4": (B, H / 16, W / 16, C)}, the patches behind the last normalization.

    `width` multiplies the channels of each head, `dropout` is behind each linear layer
    but those of query, key and value (appendix B.1), `path` the rate at which the last
    block is left out in training; the first has 0 (Steiner et al.).

    Raises:
      ValueError: for open sides, or sides that are no multiples of 16.
    """
    if any(side is None or side < PATCH or side % PATCH for side in input_shape[:2]):
        raise ValueError(
            f"a ViT takes pictures whose sides are multiples of {PATCH}, "
            f"not {tuple(input_shape[:2])}"
        )
    heads, depth = SIZES[size]
    channels = heads * max(1, round(HEAD_CHANNELS * width))
    pixels, suffix = style
    name = f"vit_{size}{PATCH}{suffix}"
    images = keras.Input(input_shape, name="images")
    x = embed(images, pixels, channels, dropout)
    for i in range(depth):
        x = block(x, heads, dropout, path * i / (depth - 1), f"block{i + 1}")
    x = normalize(x, "last")
    if classes is None:
        grid = [side // PATCH for side in input_shape[:2]]
        x = layers.Reshape((*grid, channels), name="grid")(x[:, 1:])
        return Model(images, {"C4": x}, name=name)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x[:, 0])
    model = Model(images, logits, name=name)
    model.task = Classification(classes)
    return model


@register("classification", PAPER, 5_717_416, 1.254e9, "75.452 / 92.858", TIMM)
def vit_ti16(
    classes=1000, input_shape=(224, 224, 3), width=1.0, dropout=0.0, drop_path=0.0
):
    return vit("ti", AUTHORS, classes, input_shape, width, dropout, drop_path)


@register("classification", PAPER, 22_050_664, 4.599e9, "81.402 / 96.150", TIMM)
def vit_s16(
    classes=1000, input_shape=(224, 224, 3), width=1.0, dropout=0.0, drop_path=0.0
):
    return vit("s", AUTHORS, classes, input_shape, width, dropout, drop_path)


@register("classification", PAPER, 86_567_656, 17.564e9, "85.49", AUGREG)
def vit_b16(
    classes=1000, input_shape=(224, 224, 3), width=1.0, dropout=0.0, drop_path=0.0
):
    return vit("b", AUTHORS, classes, input_shape, width, dropout, drop_path)


@register("classification", PAPER, 304_326_632, 61.555e9, "85.59", AUGREG)
def vit_l16(
    classes=1000, input_shape=(224, 224, 3), width=1.0, dropout=0.0, drop_path=0.0
):
    return vit("l", AUTHORS, classes, input_shape, width, dropout, drop_path)


@register("classification", PAPER, 86_567_656, 17.564e9, "81.072 / 95.318", TORCHVISION)
def vit_b16_torchvision(
    classes=1000, input_shape=(224, 224, 3), width=1.0, dropout=0.0, drop_path=0.0
):
    return vit("b", AS_TORCHVISION, classes, input_shape, width, dropout, drop_path)


@register(
    "classification", PAPER, 304_326_632, 61.555e9, "79.662 / 94.638", TORCHVISION
)
def vit_l16_torchvision(
    classes=1000, input_shape=(224, 224, 3), width=1.0, dropout=0.0, drop_path=0.0
):
    return vit("l", AS_TORCHVISION, classes, input_shape, width, dropout, drop_path)
