"""LeNet-5 as it is taught and used today, after LeCun et al. 1998 (lenet5.py).

`lenet5_modern` connects all maps of S2 with those of C3, has ReLU for its squashing,
maximum poolings and a linear layer for the distances, as csinva/
gan-vae-pretrained-pytorch (mnist_classifier) has it, with published weights: digits of
MNIST stretched to 32 pixels. `lenet5_caffe` is Caffe's wider examples/mnist/lenet: 28
pixels, no activation but one.
"""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.blocks import he_normal
from kzoo.models.classification.lenet5 import PAPER
from kzoo.models.registry import register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification


def conv(x, filters, name, activation=None):
    return layers.Conv2D(
        filters, 5, activation=activation, kernel_initializer=he_normal(), name=name
    )(x)


def dense(x, units, name):
    initial = he_normal()
    return layers.Dense(units, "relu", kernel_initializer=initial, name=name)(x)


def classifier(images, x, classes, name):
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    model = Model(images, logits, name=name)
    model.task = Classification(classes)
    return model


@register(
    "classification",
    PAPER,
    61_706,
    416_520,
    "99.1 of MNIST",
    "csinva/gan-vae-pretrained-pytorch; multiply-adds by hand",
)
def lenet5_modern(classes=10, input_shape=(32, 32, 3)):
    """Maps images (B, 32, 32, 3) to logits (B, classes) or to {"C1", "C2"}."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess("grey", name="preprocess")(images)
    x = conv(x, 6, "c1_conv", "relu")
    x = layers.MaxPooling2D(2, name="s2_pool")(x)
    x = conv(x, 16, "c3_conv", "relu")
    features = {"C1": x}
    x = features["C2"] = layers.MaxPooling2D(2, name="s4_pool")(x)
    if classes is None:
        return Model(images, features, name="lenet5_modern")
    x = conv(x, 120, "head_c5_conv", "relu")
    x = dense(layers.Flatten(name="head_flatten")(x), 84, "head_f6")
    return classifier(images, x, classes, "lenet5_modern")


@register(
    "classification",
    PAPER,
    431_080,
    2_293_000,
    "99.05 of MNIST",
    "BVLC/caffe examples/mnist; score: nandahkrishna/CaffeMNIST, measured",
)
def lenet5_caffe(classes=10, input_shape=(28, 28, 3)):
    """Maps images (B, 28, 28, 3) to logits (B, classes) or to {"C1", "C2"}."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess("caffe_grey", name="preprocess")(images)
    x = conv(x, 20, "conv1_conv")
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = conv(x, 50, "conv2_conv")
    features = {"C1": x}
    x = features["C2"] = layers.MaxPooling2D(2, name="pool2")(x)
    if classes is None:
        return Model(images, features, name="lenet5_caffe")
    x = dense(layers.Flatten(name="head_flatten")(x), 500, "head_ip1")
    return classifier(images, x, classes, "lenet5_caffe")
