"""Every classifier that has strides is a backbone: its features and their sizes."""

import math

import keras
import numpy as np
import pytest

from kzoo import models
from tests.models.small import NO_FEATURES, OTHER_ROWS, SIDES, build_small

NAMES = [
    name
    for name in models.names("classification")
    if name not in OTHER_ROWS and name not in NO_FEATURES
]
# Poolings and convolutions without padding: a level is smaller than H / stride.
UNPADDED = (
    "alexnet",
    "alexnet_bvlc",
    "alexnet_torchvision",
    "caffenet",
    "densenet121",
    "densenet169",
    "densenet_bc100_12_cifar",
    "googlenet",
    "googlenet_torchvision",
    "highway_mnist",
    "inception_resnet_v1",
    "inception_resnet_v1_paper",
    "inception_resnet_v2",
    "inception_v2",
    "inception_v3",
    "inception_v3_gluon",
    "inception_v3_torchvision",
    "inception_v4",
    "lenet5",
    "lenet5_caffe",
    "lenet5_modern",
    "nasnet_large",
    "nasnet_large_keras",
    "nasnet_mobile",
    "nasnet_mobile_keras",
    "se_resnet50",
    "se_resnext50_32x4d",
    "senet154",
    "squeezenet1_0",
    "squeezenet1_0_torchvision",
    "squeezenet1_1",
    "squeezenet1_1_torchvision",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg16_torchvision",
    "vgg19",
    "vgg19_bn",
    "vgg19_torchvision",
    "vit_b16",
    "vit_b16_torchvision",
    "vit_l16",
    "vit_l16_torchvision",
    "vit_s16",
    "vit_ti16",
    "xception",
    "zfnet",
    "zfnet_b",
)


def features(name, height=64, width=64):
    return build_small(name, classes=None, input_shape=(height, width, 3))


def grown(name, by):
    """Levels of the small version and of one for a picture that is larger."""
    side = SIDES.get(name, 64)
    small, large = features(name, side, side), features(name, side + by, side + by)
    return small.output, large.output


@pytest.mark.parametrize("name", NAMES)
def test_level_k_has_stride_2_to_the_k(name):
    """64 pixels more are 64 / stride positions more, however the edges are padded."""
    small, large = grown(name, 64)
    assert list(small) == sorted(small)
    for level in small:
        more = large[level].shape[1] - small[level].shape[1]
        assert more == 64 // 2 ** int(level[1]), level


@pytest.mark.parametrize("size", [(64, 96), (75, 1)])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNPADDED])
def test_the_sides_of_a_level_are_rounded_up(name, size):
    for level, feature in features(name, *size).output.items():
        stride = 2 ** int(level[1])
        expected = tuple(math.ceil(side / stride) for side in size)
        assert feature.shape[1:3] == expected, level


def test_channels_of_the_levels_are_the_papers():
    """ResNet: table 1; MobileNetV2: table 2, where a block's output leaves it."""
    expected = {
        "resnet18": [64, 64, 128, 256, 512],
        "resnet50": [64, 256, 512, 1024, 2048],
        "mobilenet_v2": [16, 24, 32, 96, 320],
    }
    for name, channels in expected.items():
        outputs = models.build(name, classes=None, input_shape=(32, 32, 3)).output
        assert [x.shape[-1] for x in outputs.values()] == channels


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_sides_may_be_open(name):
    model = models.build(name, classes=None, input_shape=(None, None, 3), width=0.125)
    outputs = model(np.zeros((1, 64, 96, 3), "uint8"))
    assert outputs["C5"].shape[1:3] == (2, 3)


def test_a_features_model_has_no_task():
    model = features("resnet18", 32, 32)
    assert model.task is None
    model.compile("sgd")
    with pytest.raises(ValueError, match="classes=None"):
        model.fit(np.zeros((1, 32, 32, 3)), np.zeros(1), verbose=0)


def test_v1_strides_in_the_first_convolution_and_v1_5_in_the_second():
    """Table 1 of the paper says nothing; its prototxts and torchvision differ."""
    sides = {}
    for name in ("resnet50_v1", "resnet50"):
        model = features(name, 32, 32)
        sides[name] = [
            model.get_layer(f"stage3_block1_{i}_conv").output.shape[1]
            for i in (1, 2, 3)
        ]
    assert sides["resnet50_v1"] == [4, 4, 4]
    assert sides["resnet50"] == [8, 4, 4]


@pytest.mark.parametrize(
    "name, mode",
    [
        ("resnet18", "torch"),
        ("resnet50_v1", "caffe"),
        ("mobilenet_v2", "tf"),
        ("mobilenet_v2_torchvision", "torch"),
    ],
)
def test_each_builder_takes_pixels_as_its_publisher_does(name, mode):
    assert features(name, 32, 32).get_layer("preprocess").mode == mode


@pytest.mark.parametrize("width", [0.35, 0.75, 1.4])
def test_mobilenet_is_as_wide_as_keras_applications(width):
    shape = (32, 32, 3)
    reference = keras.applications.MobileNetV2(
        alpha=width, include_top=False, weights=None, input_shape=shape
    )
    ours = models.mobilenet_v2(width=width, classes=2, input_shape=shape)
    assert filters(ours) == filters(reference)


def filters(model):
    return [x.filters for x in model.layers if type(x) is keras.layers.Conv2D]


def test_the_last_convolution_of_mobilenet_does_not_shrink():
    for width, expected in ((0.5, 1280), (1.4, 1792)):
        model = models.mobilenet_v2(width=width, classes=2, input_shape=(32, 32, 3))
        assert model.get_layer("head_conv").filters == expected


def test_layers_of_a_backbone_may_be_shared():
    """A features model given to a detector stays the same object's weights."""
    backbone = features("resnet18", 64, 64)
    detector = models.retinanet(classes=2, backbone=backbone, filters=8)
    kernel = backbone.get_layer("stem_conv").kernel
    kernel.assign(keras.ops.zeros_like(kernel))
    assert not np.any(detector.get_layer("stem_conv").kernel.numpy())
