"""Highway networks, Srivastava, Greff and Schmidhuber, NIPS 2015,
https://arxiv.org/abs/1507.06228, after https://arxiv.org/abs/1505.00387.

A layer gives T(x) H(x) + (1 - T(x)) x: a gate T, mostly shut at first, decides how much
of x is replaced. It keeps the number of channels; plain convolutions change it.

`highway` is the second paper's Highway B for CIFAR-10 (19 layers, "2.3M" weights) and
`highway_mnist` its 10 layers of 32 maps for MNIST ("151K"), as the authors' prototxts
have them (flukeskywalker/highway-networks). They name no layers of Highway A and C.
The authors' CIFAR-10 had its contrast normalized picture by picture; here it has
ImageNet's mean and deviation.
"""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import ceil_max_pool, he_normal
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "Srivastava, Greff, Schmidhuber",
    "Training Very Deep Networks",
    "NIPS 2015",
    "1507.06228",
)


def conv(x, filters, size, name, activation="relu", padding="same", bias=0.0):
    return layers.Conv2D(
        filters,
        size,
        padding=padding,
        activation=activation,
        kernel_initializer=he_normal(),
        bias_initializer=keras.initializers.Constant(bias),
        name=f"{name}_conv",
    )(x)


def highway_conv(x, bias, name):
    """x + T(x) (H(x) - x), with 3x3 convolutions; `bias` of the gate is negative."""
    state = conv(x, x.shape[-1], 3, name)
    gate = conv(x, x.shape[-1], 3, f"{name}_gate", "sigmoid", bias=bias)
    change = layers.Subtract(name=f"{name}_change")([state, x])
    change = layers.Multiply(name=f"{name}_gated")([gate, change])
    return layers.Add(name=f"{name}_add")([x, change])


def highway_convs(x, count, bias, name):
    """`count` layers, called `name`_2 and on, since a plain one begins a stage."""
    for i in range(2, count + 2):
        x = highway_conv(x, bias, f"{name}_{i}")
    return x


def classifier(images, x, classes, dropout, name):
    x = Dropout(dropout, name="head_dropout")(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    model = Model(images, logits, name=name)
    model.task = Classification(classes)
    return model


@register(
    "classification",
    PAPER,
    2_256_838,
    0.3308e9,
    "92.28 of CIFAR-10 (best 92.46)",
    "size: the authors' prototxt; score: the paper's table 2",
)
def highway(classes=10, input_shape=(32, 32, 3), width=1.0):
    """Maps images (B, H, W, 3) to logits (B, classes) or to {"C1", "C2"}."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    features = {}
    for stage, (filters, count) in enumerate(((32, 4), (80, 5), (128, 5)), start=1):
        x = Dropout(0.2, name=f"stage{stage}_dropout")(x)
        x = conv(x, round(filters * width), 3, f"stage{stage}_1")
        x = highway_convs(x, count, -2.0, f"stage{stage}")
        if stage > 1:
            features[f"C{stage - 1}"] = x
        if stage < 3:
            x = layers.MaxPooling2D(2, padding="same", name=f"stage{stage}_pool")(x)
    if classes is None:
        return Model(images, features, name="highway")
    x = conv(x, round(100 * width), 1, "head")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    return classifier(images, x, classes, 0.2, "highway")


@register(
    "classification",
    PAPER,
    151_690,
    0.03165e9,
    "99.55 of MNIST",
    "size: the authors' prototxt; score: the paper's table 1",
)
def highway_mnist(classes=10, input_shape=(28, 28, 3), width=1.0):
    """Maps images (B, 28, 28, 3) to logits (B, classes) or to {"C1", "C2", "C3"}."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess("caffe_grey", name="preprocess")(images)
    x = Dropout(0.2, name="stage1_dropout")(x)
    x = conv(x, round(32 * width), 5, "stage1_1", padding="valid")
    x = highway_convs(x, 2, -1.0, "stage1")
    x = Dropout(0.3, name="stage2_dropout")(ceil_max_pool(x, 3, 2, "stage1_pool"))
    x = first = highway_convs(x, 3, -1.0, "stage2")
    x = Dropout(0.4, name="stage3_dropout")(ceil_max_pool(x, 3, 2, "stage2_pool"))
    x = second = highway_convs(x, 3, -1.0, "stage3")
    x = layers.MaxPooling2D(2, name="stage3_pool")(x)
    if classes is None:
        features = {"C1": first, "C2": second, "C3": x}
        return Model(images, features, name="highway_mnist")
    x = layers.Flatten(name="head_flatten")(x)
    return classifier(images, x, classes, 0.5, "highway_mnist")
