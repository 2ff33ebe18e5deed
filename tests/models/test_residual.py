"""What papers say of residual networks and their kin, that a count does not see.

Most of it is in the parity tests as well; here it stands in words.
"""

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.models.classification.resnet_cifar import ZeroShortcut
from kzoo.models.classification.resnet_v2 import max_pool
from kzoo.models.layers.dropout import Dropout
from kzoo.models.layers.grouped_conv import GroupedConv2D

SIDE = {"input_shape": (32, 32, 3)}


def strides(model, names):
    """How much smaller each layer's outputs are than what came before it.

    A strided 1x1 convolution is one of stride 1 behind `blocks.subsample`.
    """
    layers = {layer.name for layer in model.layers}
    return [
        (
            2
            if name.replace("_conv", "_subsample") in layers
            else model.get_layer(name).strides[0]
        )
        for name in names
    ]


def kernels(model, stage, block=1):
    """Shapes of the kernels of a block's three convolutions."""
    names = [f"stage{stage}_block{block}_{i}_conv" for i in (1, 2, 3)]
    return [tuple(model.get_layer(name).kernel.shape) for name in names]


def test_a_shortcut_of_type_a_takes_every_second_pixel_and_pads_channels():
    """Two channels made six: two of zeros on either side."""
    x = np.arange(1, 2 * 3 * 5 + 1, dtype="float32").reshape(1, 3, 5, 2)
    layer = ZeroShortcut(6)
    expected = np.zeros((1, 2, 3, 6), "float32")
    for row in (0, 1):
        for column in (0, 1, 2):
            expected[0, row, column, 2:4] = x[0, 2 * row, 2 * column]
    np.testing.assert_array_equal(layer(x), expected)
    assert layer.compute_output_shape((None, 3, None, 2)) == (None, 2, None, 6)


@pytest.mark.parametrize(
    "name, depth",
    [
        ("resnet20_cifar", 20),
        ("resnet44_cifar", 44),
        ("densenet121", 121),
        ("densenet_bc100_12_cifar", 100),
    ],
)
def test_the_number_is_that_of_the_layers_on_the_longest_way(name, depth):
    """He et al., section 4.2: 6 n + 2; Huang et al., table 1."""
    model = models.build(name, **SIDE)
    counted = (keras.layers.Conv2D, keras.layers.Dense)
    assert sum(isinstance(layer, counted) for layer in model.layers) == depth


def test_stochastic_depth_rises_to_the_last_block():
    """Huang et al. 2016, equation 4, with 54 blocks: block l is left out l / 54 / 2."""
    model = models.resnet110_cifar(width=0.25, drop_path=0.5)
    rates = [layer.rate for layer in model.layers if isinstance(layer, Dropout)]
    np.testing.assert_allclose(rates, 0.5 * np.arange(1, 55) / 54)


def test_v2_strides_where_the_authors_do():
    names = [f"stage3_block1_{i}_conv" for i in (1, 2, 3)]
    imagenet = models.resnet50_v2(classes=None, width=0.125, **SIDE)
    assert strides(imagenet, names) == [1, 2, 1]
    cifar = models.resnet164_v2_cifar(classes=None, width=0.25)
    assert strides(cifar, names) == [2, 1, 1]


def test_keras_v2_strides_in_the_last_block_of_a_stage():
    model = models.resnet50_v2_keras(classes=None, width=0.125, **SIDE)
    found = {
        name: model.get_layer(name).strides[0]
        for name in [f"stage{s}_block{b}_2_conv" for s in (2, 5) for b in (1, 2, 3)]
    }
    assert [name for name, stride in found.items() if stride == 2] == [
        "stage2_block3_2_conv"
    ]


@pytest.mark.parametrize("side", [7, 8])
def test_the_pooling_of_v2_never_takes_its_padding(side):
    x = -1 - np.random.default_rng(0).uniform(size=(1, side, side, 1))
    images = keras.Input((side, side, 1))
    model = keras.Model(images, max_pool(images, "pool"))
    half = -(-side // 2)
    expected = np.zeros((half, half))
    for row in range(half):
        for column in range(half):
            rows = slice(max(0, 2 * row - 1), 2 * row + 2)
            columns = slice(max(0, 2 * column - 1), 2 * column + 2)
            expected[row, column] = x[0, rows, columns, 0].max()
    np.testing.assert_allclose(model(x)[0, :, :, 0], expected, rtol=1e-6)


def test_groups_are_of_the_papers_width():
    """Table 1: 32x4d has 128 channels in the first stage's 3x3, 1024 in the last's."""
    model = models.resnext50_32x4d(classes=None, **SIDE)
    assert kernels(model, 2)[1] == (3, 3, 4, 128)
    assert kernels(model, 5)[1] == (3, 3, 32, 1024)
    layer = model.get_layer("stage3_block1_2_conv")
    assert isinstance(layer, GroupedConv2D)
    assert (layer.groups, layer.strides) == (32, (2, 2))


def test_only_the_inner_convolution_of_wrn_50_2_is_wider():
    model = models.wide_resnet50_2(classes=None, **SIDE)
    expected = [(1, 1, 256, 128), (3, 3, 128, 128), (1, 1, 128, 256)]
    assert kernels(model, 2, block=2) == expected


def test_dropout_of_wrn_is_between_the_convolutions():
    model = models.wide_resnet28_10(classes=None, width=0.1, dropout=0.3)
    dropouts = [layer for layer in model.layers if isinstance(layer, Dropout)]
    assert len(dropouts) == 12 and {layer.rate for layer in dropouts} == {0.3}
    before = dropouts[0]._inbound_nodes[0].input_tensors[0]._keras_history.operation
    after = dropouts[0]._outbound_nodes[0].operation
    assert before.name == "stage1_block1_2_act"
    assert after.name == "stage1_block1_2_conv"


def test_senets_stride_where_the_authors_do_and_reduce_16_times():
    model = models.se_resnet50(classes=None, width=0.25, **SIDE)
    names = [f"stage3_block1_{i}_conv" for i in (1, 2, 3)]
    assert strides(model, names) == [2, 1, 1]
    model = models.se_resnext50_32x4d(classes=None, width=0.25, **SIDE)
    assert strides(model, names) == [1, 2, 1]
    # 256 channels out, at a quarter of the paper's width.
    assert model.get_layer("stage4_block1_se_1_conv").filters == 256 // 16


@pytest.mark.slow
def test_senet_154_has_what_its_appendix_says():
    model = models.senet154(width=0.5, **SIDE)
    stem = [model.get_layer(f"stem_{i}_conv") for i in (1, 2, 3)]
    assert [layer.kernel_size for layer in stem] == [(3, 3)] * 3
    assert [layer.filters for layer in stem] == [32, 32, 64]
    first, grouped, _ = kernels(model, 4)
    assert first[-1] == grouped[-1] / 2
    sizes = [model.get_layer(f"stage{s}_block1_shortcut_conv") for s in (2, 3, 4, 5)]
    assert [layer.kernel_size[0] for layer in sizes] == [1, 3, 3, 3]
    assert model.get_layer("dropout").rate == 0.2


def test_each_dense_layer_adds_its_growth_and_a_transition_halves():
    """Table 1 of DenseNet-121: 64 + 6 * 32, halved, + 12 * 32, ..."""
    model = models.densenet121(classes=None, **SIDE)
    channels = [x.shape[-1] for x in model.output.values()]
    assert channels == [64, 256, 512, 1024, 1024]
    assert model.get_layer("stage2_layer3_1_conv").filters == 4 * 32
