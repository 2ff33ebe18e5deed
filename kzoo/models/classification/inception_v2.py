"""BN-Inception (Inception v2), Ioffe and Szegedy, ICML 2015, appendix, figure 5.

https://arxiv.org/abs/1502.03167. As Cadene's network for PyTorch, which has the weights
of a Caffe replica: pixels as BGR minus 104, 117, 128, poolings whose last window may
reach over the edge, averages that count the padding. It has biases before its batch
norms; ours has none, as section 3.2 says, and they go into the means.

TF-slim's inception_v2 is another: its first convolution is separable.
"""

import keras
from keras import layers

from kzoo.models import branches
from kzoo.models.blocks import ceil_max_pool, classifier, conv_bn
from kzoo.models.branches import padded_average_pool
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "Ioffe, Szegedy",
    "Batch Normalization: Accelerating Deep Network Training by Reducing Internal "
    "Covariate Shift",
    "ICML 2015",
    "1502.03167",
)


def inception(one, three, double, projection, pool=padded_average_pool):
    """Two 3x3 convolutions where GoogLeNet has a 5x5."""
    return [
        ((one, 1),),
        ((three[0], 1), (three[1], 3)),
        ((double[0], 1), (double[1], 3), (double[1], 3)),
        (pool, (projection, 1)),
    ]


def strided_pool(x, name):
    """Half the sides, rounded up as the convolutions beside it round them.

    Caffe's rounds down where they are odd: there its network does not fit together.
    """
    x = layers.ZeroPadding2D(((0, 2), (0, 2)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, 2, name=name)(x)


def strided_inception(three, double):
    """To half the sides; what is pooled goes through as it is."""
    return [
        ((three[0], 1), (three[1], 3, 2)),
        ((double[0], 1), (double[1], 3), (double[1], 3, 2)),
        (strided_pool,),
    ]


# Filters of 1x1, 3x3 behind a reduction, two 3x3 behind one, 1x1 behind the pooling.
MODULES = {
    "inception3a": inception(64, (64, 64), (64, 96), 32),
    "inception3b": inception(64, (64, 96), (64, 96), 64),
    "inception3c": strided_inception((128, 160), (64, 96)),
    "inception4a": inception(224, (64, 96), (96, 128), 128),
    "inception4b": inception(192, (96, 128), (96, 128), 128),
    "inception4c": inception(160, (128, 160), (128, 160), 128),
    "inception4d": inception(96, (128, 192), (160, 192), 128),
    "inception4e": strided_inception((128, 192), (192, 256)),
    "inception5a": inception(352, (192, 320), (160, 224), 128),
    "inception5b": inception(352, (192, 320), (192, 224), 128, branches.max_pool),
}
# The feature level that a module completes.
LEVELS = {"inception3b": "C3", "inception4d": "C4", "inception5b": "C5"}


@register(
    "classification",
    PAPER,
    11_285_224,
    2.048e9,
    "73.524 / 91.562; paper: 74.8 / 92.2",
    "osmr/imgclsmob (size, with 10,016 biases that ours has not; multiply-adds), "
    "Cadene/pretrained-models.pytorch (score)",
)
def inception_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    `width` multiplies the channels of every layer.
    """
    images = keras.Input(input_shape, name="images")
    conv = branches.widened(conv_bn, width)
    x = Preprocess("bn_inception", name="preprocess")(images)
    features = {}
    x = features["C1"] = conv(x, 64, 7, 2, name="stem_1")
    x = ceil_max_pool(x, 3, 2, name="stem_1_pool")
    x = conv(x, 64, 1, name="stem_2")
    x = features["C2"] = conv(x, 192, 3, name="stem_3")
    x = ceil_max_pool(x, 3, 2, name="stem_3_pool")
    for name, module in MODULES.items():
        x = branches.mixed(x, module, conv, name)
        if name in LEVELS:
            features[LEVELS[name]] = x
    return classifier(images, features, x, classes, "inception_v2")
