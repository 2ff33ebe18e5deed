"""ResNets for CIFAR, He et al., CVPR 2016, https://arxiv.org/abs/1512.03385, sec. 4.2.

6 n + 2 layers on pictures of 32 x 32 pixels: a 3x3 convolution, then three stages of n
blocks with 16, 32 and 64 channels, the first at full size. Shortcuts have no weights
(option A): where a stage begins, every second pixel is taken and zero channels are
added, half of them on either side as akamaster's code does, whose weights we take. So
are the pixels his: scaled by ImageNet's mean and deviation, where the paper subtracts
CIFAR's mean picture.
"""

import keras
from keras import layers, ops

from kzoo.models.blocks import classifier, conv_bn, drop_path
from kzoo.models.classification.resnet import PAPER
from kzoo.models.registry import register
from kzoo.preprocessing import Preprocess

# No publisher counts convolutions alone: multiply-adds are the sum over section 4.2.
AKAMASTER = (
    "akamaster/pytorch_resnet_cifar10, CIFAR-10 test; multiply-adds: table's sum"
)


@keras.saving.register_keras_serializable("kzoo")
class ZeroShortcut(layers.Layer):
    """Every second pixel, with zero channels on either side: option A.

    Maps (B, H, W, C) to (B, ceil(H / 2), ceil(W / 2), filters).
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def call(self, x):
        more = self.filters - x.shape[-1]
        around = (more // 2, more - more // 2)
        return ops.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), around))

    def compute_output_shape(self, shape):
        batch, height, width, _ = shape
        half = [side and -(-side // 2) for side in (height, width)]
        return (batch, *half, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def block(x, filters, strides, rate, name):
    """Two 3x3 convolutions, left out for a share `rate` of the pictures in training."""
    y = conv_bn(x, filters, 3, strides, name=f"{name}_1")
    y = conv_bn(y, filters, 3, activation=None, name=f"{name}_2")
    y = drop_path(y, rate, name=f"{name}_drop")
    if strides > 1:
        x = ZeroShortcut(filters, name=f"{name}_shortcut")(x)
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation("relu", name=f"{name}_out")(x)


def network(depth, name, classes, input_shape, width, drop_path):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1", "C2"}.

    `width` multiplies the channels of every layer. `drop_path` is the rate of the last
    block in stochastic depth; it rises to that in equal steps from the first
    (Huang et al. 2016, equation 4: 0.5 for 110 layers).
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    x = conv_bn(x, round(16 * width), 3, name="stem")
    count = (depth - 2) // 6
    features = {}
    for stage in (1, 2, 3):
        filters = round(8 * 2**stage * width)
        for i in range(1, count + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            rate = drop_path * ((stage - 1) * count + i) / (3 * count)
            x = block(x, filters, strides, rate, f"stage{stage}_block{i}")
        if stage > 1:
            features[f"C{stage - 1}"] = x
    return classifier(images, features, x, classes, name)


@register("classification", PAPER, 269_722, 0.0406e9, "91.73", AKAMASTER)
def resnet20_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    return network(20, "resnet20_cifar", classes, input_shape, width, drop_path)


@register("classification", PAPER, 464_154, 0.0689e9, "92.63", AKAMASTER)
def resnet32_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    return network(32, "resnet32_cifar", classes, input_shape, width, drop_path)


@register("classification", PAPER, 658_586, 0.0972e9, "93.10", AKAMASTER)
def resnet44_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    return network(44, "resnet44_cifar", classes, input_shape, width, drop_path)


@register("classification", PAPER, 853_018, 0.1255e9, "93.39", AKAMASTER)
def resnet56_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    return network(56, "resnet56_cifar", classes, input_shape, width, drop_path)


@register("classification", PAPER, 1_727_962, 0.2529e9, "93.68", AKAMASTER)
def resnet110_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    return network(110, "resnet110_cifar", classes, input_shape, width, drop_path)
