"""The few groups of layers that most networks share."""

import keras
from keras import layers

from kzoo.models.base import Model
from kzoo.models.layers.dropout import Dropout
from kzoo.tasks.classification import Classification


def he_normal():
    """A new He normal initializer over the fan-out, He et al. 2015.

    One for each layer: layers that share an initializer object start equal.
    """
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def conv_without_bias(x, filters, size, strides, padding, name):
    """A convolution for a batch normalization behind it."""
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=he_normal(),
        name=name,
    )(x)


def depthwise_without_bias(x, size, strides, padding, name):
    """A filter for each channel, for a batch normalization behind it."""
    return layers.DepthwiseConv2D(
        size,
        strides,
        padding=padding,
        use_bias=False,
        # Its fan-out: Keras counts a depthwise kernel's fan-in over all channels.
        depthwise_initializer=he_normal(),
        name=name,
    )(x)


def conv_bn(x, filters, size, strides=1, activation="relu", name=None):
    """Convolution without bias, batch normalization, activation.

    Pads `size // 2` on every side: at stride 2 Keras "same" pads unevenly, and
    PyTorch's published weights were trained with even padding.
    """
    if size == 1:
        x, strides = subsample(x, strides, name), 1
    elif strides > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = conv_without_bias(
        x, filters, size, strides, "same" if strides == 1 else "valid", f"{name}_conv"
    )
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    if activation:
        x = layers.Activation(activation, name=f"{name}_act")(x)
    return x


def subsample(x, strides, name):
    """Every `strides`-th row and column: what a strided 1x1 convolution sees.

    That convolution itself is a trap: the gradient of its kernel writes out of bounds
    in TensorFlow 2.21 on a CPU with oneDNN, at 64x64 and up to 8 channels for one.
    """
    if strides == 1:
        return x
    return layers.AveragePooling2D(1, strides, name=f"{name}_subsample")(x)


def max_pool(x, size, strides, name):
    """Max pooling with even zero padding, for x >= 0 (after a ReLU)."""
    x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(size, strides, name=name)(x)


def ceil_max_pool(x, size, strides, name):
    """Max pooling whose last window may reach over the edge, as Caffe's, for x >= 0.

    A side of n gives ceil((n - size) / strides) + 1.
    """
    x = layers.ZeroPadding2D(((0, strides - 1),) * 2, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(size, strides, name=name)(x)


def squeeze_excite(x, reduced, gate="sigmoid", activation="relu", name=None):
    """Scales each channel by what the means of all say, Hu et al. 2018, section 3.

    `reduced` channels are in between; https://arxiv.org/abs/1709.01507.
    """
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    for filters, act, step in ((reduced, activation, 1), (x.shape[-1], gate, 2)):
        conv = layers.Conv2D(
            filters, 1, kernel_initializer=he_normal(), name=f"{name}_{step}_conv"
        )
        y = layers.Activation(act, name=f"{name}_{step}_act")(conv(y))
    return layers.Multiply(name=f"{name}_scale")([x, y])


def drop_path(x, rate, name):
    """Stochastic depth, Huang et al. 2016, section 3: training leaves a branch out
    for a share `rate` of the pictures, https://arxiv.org/abs/1603.09382.

    What is kept is divided by 1 - rate, where the paper multiplies at test time.
    """
    if not rate:
        return x
    shape = (None,) + (1,) * (len(x.shape) - 1)
    return Dropout(rate, noise_shape=shape, name=name)(x)


def classifier(images, features, x, classes, name, dropout=0.0):
    """The end that classification networks share.

    Maps `x`, (B, H, W, C), by its mean over positions and a linear layer to logits
    (B, classes). Where `classes` is None, the model gives `features`,
    {"C1": ..., "C5": ...}, instead: a backbone.
    """
    if classes is None:
        return Model(images, features, name=name)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    model = Model(images, logits, name=name)
    model.task = Classification(classes)
    return model


def dense_classifier(images, features, x, classes, name, units):
    """The end of AlexNet and those after it: two hidden layers over all positions.

    Maps `x`, (B, H, W, C) of a fixed size, to logits (B, classes), with half of each
    hidden layer dropped while training; to `features` where `classes` is None.
    """
    if classes is None:
        return Model(images, features, name=name)
    x = layers.Flatten(name="head_flatten")(x)
    for number in (6, 7):
        dense = layers.Dense(
            units, "relu", kernel_initializer=he_normal(), name=f"head_fc{number}"
        )
        x = Dropout(0.5, name=f"head_dropout{number}")(dense(x))
    # Unscaled pixels come through He's layers as large as they were.
    small = keras.initializers.RandomNormal(stddev=1e-3)
    logits = layers.Dense(
        classes, kernel_initializer=small, dtype="float32", name="logits"
    )(x)
    model = Model(images, logits, name=name)
    model.task = Classification(classes)
    return model
