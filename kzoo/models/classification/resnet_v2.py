"""ResNet v2, He et al., ECCV 2016, https://arxiv.org/abs/1603.05027: figure 1b.

Batch norm and ReLU come before each convolution, so that nothing but additions lies on
the way from block to block. Where channels change, the activation comes before the
split, and so it does once behind the first convolution; one more follows the last sum
(appendix). Stages and channels are those of v1.

ImageNet's bottlenecks stride in the 3x3, as the authors' Torch code for 200 layers and
timm do, whose weights and pixels (-1..1) these are. The first batch norm comes behind
the pooling, as timm's, and not before it. Keras' networks differ: resnet_v2_keras.py.

CIFAR's bottlenecks stride in the first 1x1, as in KaimingHe/resnet-1k-layers; the 110
layers are blocks of two 3x3. Widening shortcuts are projections.
"""

import keras
from keras import layers

from kzoo.models.blocks import classifier, drop_path, he_normal, subsample
from kzoo.models.registry import Paper, register
from kzoo.preprocessing import Preprocess

PAPER = Paper(
    "He, Zhang, Ren, Sun",
    "Identity Mappings in Deep Residual Networks",
    "ECCV 2016",
    "1603.05027",
)
TIMM = "timm 1.0 resnetv2, a1h_in1k at 224 pixels; none with the paper's schedule"
TIMM_UNTRAINED = "timm 1.0 resnetv2; no published score"
TORCH = "facebook/fb.resnet.torch; parameters and multiply-adds of timm's class"
# No publisher counts the convolutions alone.
AUTHORS = "KaimingHe/resnet-1k-layers, CIFAR-10 test; multiply-adds: sum over layers"


def preactivate(x, name):
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_act")(x)


def conv(x, filters, size, strides=1, name=None, use_bias=False):
    """Convolution alone, padded evenly as PyTorch pads."""
    if size == 1:
        x, strides = subsample(x, strides, name), 1
    elif strides > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding="same" if strides == 1 else "valid",
        use_bias=use_bias,
        kernel_initializer=he_normal(),
        name=f"{name}_conv",
    )(x)


def basic_block(x, y, filters, strides, name):
    """Two 3x3 convolutions on `y`, the activated x: (shortcut, residual)."""
    x = shortcut(x, y, filters, strides, name)
    y = conv(y, filters, 3, strides, f"{name}_1")
    y = preactivate(y, f"{name}_2")
    return x, conv(y, filters, 3, name=f"{name}_2")


def bottleneck_block(x, y, filters, strides, name):
    """1x1, strided 3x3 and 1x1 convolutions; `4 * filters` channels out."""
    x = shortcut(x, y, 4 * filters, strides, name)
    y = conv(y, filters, 1, name=f"{name}_1")
    y = preactivate(y, f"{name}_2")
    y = conv(y, filters, 3, strides, f"{name}_2")
    y = preactivate(y, f"{name}_3")
    return x, conv(y, 4 * filters, 1, name=f"{name}_3")


def cifar_bottleneck_block(x, y, filters, strides, name):
    """Strided 1x1, 3x3 and 1x1 convolutions; `4 * filters` channels out."""
    x = shortcut(x, y, 4 * filters, strides, name)
    y = conv(y, filters, 1, strides, f"{name}_1")
    y = preactivate(y, f"{name}_2")
    y = conv(y, filters, 3, name=f"{name}_2")
    y = preactivate(y, f"{name}_3")
    return x, conv(y, 4 * filters, 1, name=f"{name}_3")


def shortcut(x, y, channels, strides, name):
    """x itself or, where the shapes differ, a projection of the activated `y`."""
    if strides == 1 and x.shape[-1] == channels:
        return x
    return conv(y, channels, 1, strides, f"{name}_shortcut")


def residual_stages(x, block, depths, filters, first, rate=0.0):
    """Yields ("stageK", its last sum) of K = first, first + 1, ... of the paper.

    All stages but the first begin with stride 2. `rate` is that of stochastic depth in
    the last block; it rises to that in equal steps.
    """
    x = y = preactivate(x, "stem")
    count = 0
    for stage, (depth, wide) in enumerate(zip(depths, filters), start=first):
        for i in range(1, depth + 1):
            name = f"stage{stage}_block{i}"
            count += 1
            if count > 1:
                y = preactivate(x, f"{name}_1")
            strides = 2 if stage > first and i == 1 else 1
            x, y = block(x, y, wide, strides, name)
            y = drop_path(y, rate * count / sum(depths), f"{name}_drop")
            x = layers.Add(name=f"{name}_add")([x, y])
        yield stage, x


def max_pool(x, name):
    """3x3 of stride 2, where what lies outside never is the largest.

    `blocks.max_pool` pads zeros, which are larger than a picture's negative values.
    """
    x = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_window")(x)
    return layers.MaxPooling2D(1, 2, name=name)(x)


def imagenet(depths, name, classes, input_shape, width):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1".. "C5"}.

    "C1" .. "C4" are sums as they are, before any activation; "C5" is activated.
    `width` multiplies the channels of every layer.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = conv(x, round(64 * width), 7, 2, "stem")
    features = {"C1": x}
    x = max_pool(x, "stem_pool")
    filters = [round(64 * 2**i * width) for i in range(4)]
    for stage, x in residual_stages(x, bottleneck_block, depths, filters, first=2):
        features[f"C{stage}"] = x
    features["C5"] = x = preactivate(x, "post")
    return classifier(images, features, x, classes, name)


def cifar(block, count, filters, name, classes, input_shape, rate=0.0):
    """Maps images (B, H, W, 3) to logits (B, classes), or to {"C1", "C2"}.

    Three stages of `count` blocks, the first at full size; `filters` are those of the
    first convolution and of the stages.
    """
    images = keras.Input(input_shape, name="images")
    x = Preprocess("torch", name="preprocess")(images)
    x = conv(x, filters[0], 3, name="stem")
    features = {}
    stages = residual_stages(x, block, [count] * 3, filters[1:], first=1, rate=rate)
    for stage, x in stages:
        if stage > 1:
            features[f"C{stage - 1}"] = x
    features["C2"] = x = preactivate(x, "post")
    return classifier(images, features, x, classes, name)


def scaled(filters, width):
    return [round(count * width) for count in filters]


@register("classification", PAPER, 25_549_352, 4.089e9, "80.410 / 95.082", TIMM)
def resnet50_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((3, 4, 6, 3), "resnet50_v2", classes, input_shape, width)


@register("classification", PAPER, 44_541_480, 7.801e9, "82.042 / 95.866", TIMM)
def resnet101_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((3, 4, 23, 3), "resnet101_v2", classes, input_shape, width)


@register("classification", PAPER, 60_185_128, 11.514e9, None, TIMM_UNTRAINED)
def resnet152_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((3, 8, 36, 3), "resnet152_v2", classes, input_shape, width)


@register("classification", PAPER, 64_666_152, 15.0e9, "78.34 / 94.21", TORCH)
def resnet200_v2(classes=1000, input_shape=(224, 224, 3), width=1.0):
    return imagenet((3, 24, 36, 3), "resnet200_v2", classes, input_shape, width)


@register("classification", PAPER, 1_730_522, 0.2531e9, "93.63", AUTHORS)
def resnet110_v2_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    filters = scaled((16, 16, 32, 64), width)
    name = "resnet110_v2_cifar"
    return cifar(basic_block, 18, filters, name, classes, input_shape, drop_path)


@register("classification", PAPER, 1_703_258, 0.2445e9, "94.54", AUTHORS)
def resnet164_v2_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    filters = scaled((16, 16, 32, 64), width)
    name, block = "resnet164_v2_cifar", cifar_bottleneck_block
    return cifar(block, 18, filters, name, classes, input_shape, drop_path)


@register("classification", PAPER, 10_327_706, 1.4878e9, "95.08", AUTHORS)
def resnet1001_v2_cifar(classes=10, input_shape=(32, 32, 3), width=1.0, drop_path=0.0):
    filters = scaled((16, 16, 32, 64), width)
    name, block = "resnet1001_v2_cifar", cifar_bottleneck_block
    return cifar(block, 111, filters, name, classes, input_shape, drop_path)
