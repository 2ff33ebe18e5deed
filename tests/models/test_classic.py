"""What the papers of AlexNet, ZFNet, VGG and highway networks say beside sizes."""

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.models.layers.local_response_normalization import LocalResponseNormalization
from tests.models.small import build_small


def order(model):
    return [layer.name for layer in model.layers]


def test_alexnets_groups_are_in_layers_2_4_and_5():
    """Figure 2: layer 3 sees the maps of both GPUs."""
    model = build_small("alexnet")
    groups = [model.get_layer(f"stage{i}_conv").groups for i in range(1, 6)]
    assert groups == [1, 2, 1, 2, 2]
    assert all(
        layer.groups == 1
        for layer in build_small("alexnet_torchvision").layers
        if isinstance(layer, keras.layers.Conv2D)
    )


def test_alexnets_sides_are_figure_2s():
    model = models.alexnet(classes=2, width=0.0625)
    sides = [model.get_layer(f"stage{i}_conv").output.shape[1] for i in range(1, 6)]
    assert sides == [55, 27, 13, 13, 13]
    assert model.get_layer("stage5_pool").output.shape[1] == 6


def test_poolings_overlap():
    """Section 3.4: windows of 3 at steps of 2."""
    for name in ("alexnet", "caffenet", "alexnet_torchvision", "zfnet"):
        pools = [
            layer
            for layer in build_small(name).layers
            if isinstance(layer, keras.layers.MaxPooling2D)
        ]
        assert [(x.pool_size, x.strides) for x in pools] == 3 * [((3, 3), (2, 2))]


@pytest.mark.parametrize(
    "name, first, constants",
    [
        ("alexnet", "norm", (5, 1e-4, 0.75, 2)),
        ("alexnet_bvlc", "norm", (5, 2e-5, 0.75, 1)),
        ("caffenet", "pool", (5, 2e-5, 0.75, 1)),
        ("zfnet", "pool", (5, 1e-4, 0.75, 2)),
    ],
)
def test_what_comes_first_and_by_which_constants(name, first, constants):
    """Section 3.3; Caffe divides the paper's alpha by the size."""
    model = build_small(name)
    norms = [x for x in model.layers if isinstance(x, LocalResponseNormalization)]
    assert [x.name for x in norms] == ["stage1_norm", "stage2_norm"]
    for x in norms:
        assert (x.size, x.alpha, x.beta, x.k) == pytest.approx(constants)
    names = order(model)
    earlier = min(("norm", "pool"), key=lambda end: names.index(f"stage1_{end}"))
    assert earlier == first


def test_vgg_takes_pixels_as_its_weights_want_them():
    modes = {
        "vgg11": "torch",
        "vgg16": "caffe",
        "vgg19": "caffe",
        "vgg16_bn": "torch",
        "vgg19_torchvision": "torch",
    }
    for name, mode in modes.items():
        assert build_small(name).get_layer("preprocess").mode == mode


def test_only_the_networks_with_batch_norms_have_them():
    for name in ("vgg11", "vgg16", "vgg11_bn"):
        kinds = [type(layer).__name__ for layer in build_small(name).layers]
        convolutions = kinds.count("Conv2D")
        norms = kinds.count("BatchNormalization")
        assert norms == (convolutions if name.endswith("_bn") else 0)


def test_the_vgg_of_torchvision_takes_any_size_and_the_authors_their_own():
    """fc6 sees 7x7 there; here its matrix grows with the picture."""
    small, large = (
        models.vgg16_torchvision(classes=2, width=0.0625, input_shape=(side, side, 3))
        for side in (64, 256)
    )
    large.set_weights(small.get_weights())
    rows = models.vgg16(classes=2, width=0.0625, input_shape=(64, 64, 3))
    assert rows.get_layer("head_fc6").kernel.shape[0] == 2 * 2 * 32
    assert small.get_layer("head_fc6").kernel.shape[0] == 7 * 7 * 32


@pytest.mark.parametrize("name, bias", [("highway", -2), ("highway_mnist", -1)])
def test_gates_are_mostly_shut_at_first(name, bias):
    model = build_small(name)
    gates = [x for x in model.layers if x.name.endswith("gate_conv")]
    assert len(gates) == (14 if name == "highway" else 8)
    for gate in gates:
        assert np.all(keras.ops.convert_to_numpy(gate.bias) == bias)


def test_a_shut_gate_lets_everything_through():
    """T = 0: y = x; T = 1: y = H(x)."""
    model = build_small("highway")
    gate = model.get_layer("stage1_2_gate_conv")
    gate.kernel.assign(keras.ops.zeros_like(gate.kernel))
    names = ("stage1_1_conv", "stage1_2_conv", "stage1_2_add")
    inside = keras.Model(model.input, [model.get_layer(n).output for n in names])
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3))
    for bias, expected in ((-100.0, 0), (100.0, 1)):
        gate.bias.assign(keras.ops.full_like(gate.bias, bias))
        outputs = inside(picture)
        np.testing.assert_allclose(outputs[2], outputs[expected], atol=1e-5)
