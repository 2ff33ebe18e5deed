"""Every classifier that has strides is a backbone: its features and their sizes."""

import math

import keras
import numpy as np
import pytest

from kzoo import models

# The deeper ones are the same code with longer rows.
NAMES = [n for n in models.names("classification") if "101" not in n and "152" not in n]


def features(name, height, width):
    shape = (height, width, 3)
    return models.build(name, classes=None, input_shape=shape, width=0.125)


@pytest.mark.parametrize("size", [(64, 96), (75, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_level_k_has_stride_2_to_the_k(name, size):
    outputs = features(name, *size).output
    assert list(outputs) == ["C1", "C2", "C3", "C4", "C5"]
    for level, feature in outputs.items():
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
    strides = {}
    for name in ("resnet50_v1", "resnet50"):
        model = features(name, 32, 32)
        strides[name] = [
            model.get_layer(f"stage3_block1_{i}_conv").strides for i in (1, 2, 3)
        ]
    assert strides["resnet50_v1"] == [(2, 2), (1, 1), (1, 1)]
    assert strides["resnet50"] == [(1, 1), (2, 2), (1, 1)]


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
