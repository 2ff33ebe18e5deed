"""MobileNetV3: sizes at published widths, and what its tables and figures say."""

import keras
import pytest

from kzoo import models
from kzoo.models.classification.mobilenet_v3 import hard_sigmoid, hard_swish
from kzoo.models.counting import multiply_adds, parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, size, cost",
    [
        # Keras' and timm's counts of three quarters of the width.
        ("mobilenet_v3_large", 3_993_528, 0.1546e9),
        ("mobilenet_v3_small", 2_041_872, 0.0434e9),
    ],
)
def test_narrow_ones_are_as_large_as_published(name, size, cost):
    model = models.build(name, width=0.75)
    assert parameters(model) == size
    assert multiply_adds(model) == pytest.approx(cost, rel=0.01)


def test_gates_by_hand():
    x = keras.ops.convert_to_tensor([-4.0, -3.0, -1.5, 0.0, 1.0, 3.0, 5.0])
    gate = keras.ops.convert_to_numpy(hard_sigmoid(x))
    assert gate == pytest.approx([0, 0, 0.25, 0.5, 2 / 3, 1, 1])
    swish = keras.ops.convert_to_numpy(hard_swish(x))
    assert swish == pytest.approx([0, 0, -0.375, 0, 2 / 3, 3, 5])


def test_a_quarter_of_the_expanded_channels_is_left_to_squeeze():
    """Section 5.3: of those in the block, not of its input as MnasNet; times of 8."""
    model = models.mobilenet_v3_large(classes=None, input_shape=(32, 32, 3))
    squeezed = {
        layer.name: layer.filters
        for layer in model.layers
        if layer.name.endswith("se_1_conv")
    }
    assert squeezed == {
        "block4_se_1_conv": 24,  # of 72
        "block5_se_1_conv": 32,  # of 120
        "block6_se_1_conv": 32,
        "block11_se_1_conv": 120,  # of 480
        "block12_se_1_conv": 168,  # of 672
        "block13_se_1_conv": 168,
        "block14_se_1_conv": 240,  # of 960
        "block15_se_1_conv": 240,
    }


def test_levels_are_those_of_the_tables():
    for name, channels in (
        ("mobilenet_v3_large", [16, 24, 40, 112, 160]),
        ("mobilenet_v3_small", [16, 16, 24, 48, 96]),
    ):
        outputs = models.build(name, classes=None, input_shape=(32, 32, 3)).output
        assert [x.shape[-1] for x in outputs.values()] == channels
