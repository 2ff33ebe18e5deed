"""LeNet-5, LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86(11), 1998,
sections II.B and C.

As the paper has it: C3 sees chosen maps of S2 (table I, 1,516 parameters), sub-sampling
learns a coefficient and a bias for each map, units squash by 1.7159 tanh(2 x / 3), and
the output is the squared distance to a code of each class that stays as it is, here
with a minus, so that the largest is the answer. 60,000 weights learn; the paper counts
340,908 connections, biases and sub-sampling among them.

Its network of today, with all connections, is in lenet5_modern.py. Pictures become
grey, -0.1 without ink and 1.175 where it is full; ink is bright, as in MNIST's files.
"""

import keras
import numpy as np
from keras import layers, ops

from kzoo.models.base import Model
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

PAPER = Paper(
    "LeCun, Bottou, Bengio, Haffner",
    "Gradient-Based Learning Applied to Document Recognition",
    "Proceedings of the IEEE 1998",
)
# Table I: the maps of S2 that each map of C3 sees.
C3 = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5)),
    *((0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
# Figure 3: the codes of the digits, drawn on 7x12.
DIGITS = (
    "-XXXXX- ---XX-- -XXXXX- XXXXXXX -XXXXX- -XXXXX- --XXXX- XXXXXXX -XXXXX- -XXXXX-",
    "------- --XXX-- ------- -----XX ------- ------- -XX---- -----XX XX---XX XX--XXX",
    "--XXX-- -XXXX-- -XXXXX- ----XX- ------- XXXXXXX XX----- -----XX XX---XX XX---XX",
    "-XX-XX- ---XX-- XX---XX ---XX-- -XX--XX XX----- XX----- ----XX- XX---XX XX---XX",
    "XX---XX ---XX-- X----XX --XXXX- -XX--XX XX----- XXXXXX- ---XX-- -XXXXX- XX--XXX",
    "XX---XX ---XX-- ----XX- -----XX XXX--XX -XXXX-- XXX--XX ---XX-- XX---XX -XXXXXX",
    "XX---XX ---XX-- --XXX-- -----XX XX---XX --XXXX- XX---XX --XX--- XX---XX -----XX",
    "XX---XX ---XX-- -XX---- -----XX XX---XX -----XX XX---XX --XX--- XX---XX -----XX",
    "-XX-XX- ---XX-- XX----- XX---XX XX--XXX XX---XX XXX--XX --XX--- XX---XX ----XX-",
    "--XXX-- -XXXXXX XXXXXXX -XXXXX- -XXXXXX -XXXXX- -XXXXX- --XX--- -XXXXX- -XXXX--",
    "------- ------- ------- ------- -----XX ------- ------- ------- ------- -------",
    "------- ------- ------- ------- -----XX ------- ------- ------- ------- -------",
)


@keras.saving.register_keras_serializable("kzoo")
def squash(x):
    """Appendix A: 1 and -1 stay where they are."""
    return 1.7159 * ops.tanh(2 / 3 * x)


def uniform(fan_in):
    """Initial values of appendix A."""
    return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)


@keras.saving.register_keras_serializable("kzoo")
class SubSampling(layers.Layer):
    """The sum of each 2x2 values times a coefficient of the map, and a bias.

    (B, H, W, C) to (B, H / 2, W / 2, C), the sides rounded down.
    """

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.kernel = self.add_weight(shape, uniform(4), name="kernel")
        self.bias = self.add_weight(shape, "zeros", name="bias")

    def call(self, x):
        sums = 4.0 * ops.average_pool(x, (2, 2), (2, 2), "valid")
        return sums * self.kernel + self.bias


@keras.saving.register_keras_serializable("kzoo")
class PartialConv2D(layers.Layer):
    """A 5x5 convolution without padding whose maps see some of the maps before.

    The kernel (5, 5, connections) holds nothing for the others: it has its numbers in
    the order of `maps`, which names the inputs of each output.
    """

    def __init__(self, maps, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps

    def build(self, input_shape):
        inputs, outputs = input_shape[-1], len(self.maps)
        self.fan_in = [25 * len(seen) for seen in self.maps for _ in seen]
        count = len(self.fan_in)
        # Where each connection is in a kernel (5, 5, inputs, outputs).
        self.places = np.zeros((count, inputs * outputs), "float32")
        pairs = [(i, o) for o, seen in enumerate(self.maps) for i in seen]
        for connection, (i, o) in enumerate(pairs):
            self.places[connection, i * outputs + o] = 1
        self.kernel = self.add_weight((5, 5, count), self._initial, name="kernel")
        self.bias = self.add_weight((outputs,), "zeros", name="bias")

    def _initial(self, shape, dtype=None):
        scale = ops.convert_to_tensor([2.4 / n for n in self.fan_in], dtype)
        return scale * keras.random.uniform(shape, -1, 1, dtype)

    def call(self, x):
        places = ops.convert_to_tensor(self.places, self.compute_dtype)
        full = ops.matmul(ops.cast(self.kernel, self.compute_dtype), places)
        full = ops.reshape(full, (5, 5, x.shape[-1], len(self.maps)))
        return ops.conv(x, full, padding="valid") + self.bias

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sides = [side and side - 4 for side in (height, width)]
        return (batch, *sides, len(self.maps))

    def multiply_adds(self, inputs, outputs):
        return self.kernel.shape[2] * 25 * outputs[1] * outputs[2]

    def get_config(self):
        return {**super().get_config(), "maps": self.maps}


@keras.saving.register_keras_serializable("kzoo")
class Distances(layers.Layer):
    """Minus the squared distance to each code: (B, C) to (B, classes), equation 7.

    `codes` has a row of -1 and 1 for each class; they do not learn.
    """

    def __init__(self, codes, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.codes = codes

    def call(self, x):
        codes = ops.convert_to_tensor(self.codes, "float32")
        return -ops.sum(ops.square(ops.expand_dims(x, 1) - codes), axis=-1)

    def multiply_adds(self, inputs, outputs):
        return int(np.prod(np.shape(self.codes)))


def codes(classes):
    """(classes, 84) of -1 and 1: the digits', and random ones for further classes,
    which the paper calls the other choice."""
    rows = [row.split() for row in DIGITS]
    drawn = ["".join(row[digit] for row in rows) for digit in range(10)]
    known = [[1.0 if c == "X" else -1.0 for c in text] for text in drawn]
    more = np.random.default_rng(0).choice([-1.0, 1.0], (max(0, classes - 10), 84))
    return [*known, *more.tolist()][:classes]


def conv(x, filters, name):
    fan_in = 25 * x.shape[-1]
    return layers.Conv2D(filters, 5, kernel_initializer=uniform(fan_in), name=name)(x)


def sub_sample(x, name):
    x = SubSampling(name=f"{name}_subsampling")(x)
    return layers.Activation(squash, name=f"{name}_squash")(x)


@register(
    "classification",
    PAPER,
    60_000,
    326_520,
    "99.05 of MNIST; 99.2 with distorted digits",
    "the paper, sections II.B and III.B; multiply-adds: its connections without biases "
    "and sub-sampling",
)
def lenet5(classes=10, input_shape=(32, 32, 3)):
    """Maps images (B, 32, 32, 3) to logits (B, classes), minus squared distances, or
    to {"C1", "C2"}: the convolutions C3 and what S4 makes of them."""
    images = keras.Input(input_shape, name="images")
    x = Preprocess("lenet", name="preprocess")(images)
    x = layers.Activation(squash, name="c1_squash")(conv(x, 6, "c1_conv"))
    x = sub_sample(x, "s2")
    x = PartialConv2D(C3, name="c3_conv")(x)
    x = layers.Activation(squash, name="c3_squash")(x)
    features = {"C1": x}
    x = features["C2"] = sub_sample(x, "s4")
    if classes is None:
        return Model(images, features, name="lenet5")
    x = layers.Activation(squash, name="head_c5_squash")(conv(x, 120, "head_c5_conv"))
    x = layers.Flatten(name="head_flatten")(x)
    initial = uniform(x.shape[-1])
    x = layers.Dense(84, squash, kernel_initializer=initial, name="head_f6")(x)
    model = Model(images, Distances(codes(classes), name="logits")(x), name="lenet5")
    model.task = Classification(classes, loss="maximum_a_posteriori")
    return model
