"""What parity does not show of EfficientNet and NASNet."""

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.models.classification import efficientnet
from kzoo.models.classification.nasnet import keras_pool, slim_pool


def test_squeezing_is_to_a_quarter_of_the_input_not_of_the_expanded_channels():
    """tensorflow/tpu, efficientnet_model.py: b0's second stage begins with 16 channels,
    which it expands to 96."""
    shape = {"input_shape": (32, 32, 3), "classes": None}
    model = models.efficientnet_b0(depth=0.1, **shape)
    assert model.get_layer("stage2_block1_se_1_conv").filters == 4
    assert model.get_layer("stage2_block1_expand_conv").filters == 96


@pytest.mark.parametrize(
    "filters, width, expected",
    [(32, 1.1, 32), (80, 1.1, 88), (16, 1.4, 24), (24, 0.1, 8)],
)
def test_channels_are_multiples_of_8_at_most_a_tenth_below(filters, width, expected):
    """By hand: 35.2, 88, 22.4 (16 is more than a tenth below), and 8 at least."""
    assert efficientnet.channels(filters, width) == expected


def test_blocks_are_left_out_more_often_the_deeper_they_are():
    """0.2 times the share of the 16 blocks of b0 before it; where x is added alone."""
    model = models.efficientnet_b0(input_shape=(32, 32, 3), classes=2, width=0.25)
    rates = [x.rate for x in model.layers if x.name.endswith("_drop")]
    before = [2, 4, 6, 7, 9, 10, 12, 13, 14]
    assert rates == pytest.approx([0.2 * count / 16 for count in before])


def test_pools_of_the_authors_do_not_see_the_border_and_those_of_keras_do():
    x = np.full((1, 4, 4, 1), -1, "float32")
    layers = keras.layers.MaxPooling2D, keras.layers.AveragePooling2D
    for layer, zeros in zip(
        layers, ([[-1, 0], [0, 0]], [[-1, -2 / 3], [-2 / 3, -4 / 9]])
    ):
        image = keras.Input((4, 4, 1))
        slim = keras.Model(image, slim_pool(layer, image, "pool"))(x)
        ours = keras.Model(image, keras_pool(layer, image, "pool"))(x)
        np.testing.assert_allclose(slim[0, :, :, 0], np.full((2, 2), -1))
        np.testing.assert_allclose(ours[0, :, :, 0], zeros, rtol=1e-6)


def test_nasnet_takes_multiples_of_96():
    with pytest.raises(ValueError, match="multiple of 96, not 100"):
        models.nasnet_mobile(filters=100)
