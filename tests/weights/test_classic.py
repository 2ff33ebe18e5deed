"""Whose file it is, told by names alone: VGG, AlexNet and LeNet share many."""

import pytest

from kzoo.weights.families import recognize
from kzoo.weights.families.vgg import _DEPTHS, features


def vgg(name, normalized):
    """Names of torchvision's state dict."""
    places = features(_DEPTHS[name], normalized)
    names = [f"features.{place}.{v}" for place in places for v in ("weight", "bias")]
    return [*names, *(f"classifier.{i}.weight" for i in (0, 3, 6))]


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("name", _DEPTHS)
def test_each_vgg_is_told_from_the_others(name, normalized):
    layout = recognize(vgg(name, normalized))
    assert name in layout.builders[0]
    assert layout.builders[0].endswith("_bn") == normalized


def test_places_are_torchvisions():
    """vgg16-397923af.pth ends at features.28, vgg16_bn-6c64b313.pth at features.41."""
    assert max(features(_DEPTHS["vgg16"], False)) == 28
    assert max(features(_DEPTHS["vgg16"], True)) == 41
    assert max(features(_DEPTHS["vgg19"], False)) == 34


CAFFE = {
    "Caffe AlexNet": [f"conv{i}" for i in range(1, 6)] + ["fc6", "fc7", "fc8"],
    "Caffe VGG": [f"conv{i}_{j}" for i in range(1, 6) for j in (1, 2, 3)] + ["fc6"],
    "Caffe LeNet": ["conv1", "conv2", "ip1", "ip2"],
}


@pytest.mark.parametrize("origin", CAFFE)
def test_caffes_networks_are_told_apart(origin):
    names = [f"{layer}/{i}" for layer in CAFFE[origin] for i in range(2)]
    assert recognize(names).origin == origin


def test_alexnet_of_torchvision_is_no_vgg():
    places = [f"features.{i}" for i in (0, 3, 6, 8, 10)]
    names = [*places, *(f"classifier.{i}" for i in (1, 4, 6))]
    layout = recognize([f"{name}.{v}" for name in names for v in ("weight", "bias")])
    assert layout.builders == ("alexnet_torchvision",)


def test_the_vgg_of_keras_is_the_authors():
    layout = recognize(["block1_conv1/kernel", "block5_conv3/kernel", "fc1/kernel"])
    assert layout.builders == ("vgg16", "vgg19")
