"""MobileNet v1: sizes at all published widths, and what its tables say."""

import pytest

from kzoo import models
from kzoo.models.counting import multiply_adds, parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    "width, size, cost",
    [
        # Keras' counts; section 4.2 has 2.6, 1.3 and 0.5 million, 325, 149 and 41.
        (0.75, 2_585_560, 0.3254e9),
        (0.5, 1_331_592, 0.1495e9),
        (0.25, 470_072, 0.0410e9),
    ],
)
def test_narrow_ones_are_as_large_as_published(width, size, cost):
    model = models.mobilenet_v1(width=width)
    assert parameters(model) == size
    assert multiply_adds(model) == pytest.approx(cost, rel=0.01)


def test_the_first_layer_is_as_wide_as_the_others():
    model = models.mobilenet_v1(width=0.25, classes=None, input_shape=(32, 32, 3))
    assert model.get_layer("stem_conv").filters == 32 / 4
    channels = [x.shape[-1] for x in model.output.values()]
    assert channels == [16, 32, 64, 128, 256]


def test_every_second_of_27_convolutions_is_depthwise():
    """Table 1, without the fully connected layer."""
    model = models.mobilenet_v1(width=0.25, classes=None, input_shape=(32, 32, 3))
    convolutions = [layer for layer in model.layers if "conv" in layer.name]
    assert len(convolutions) == 27
    assert all("depthwise" in layer.name for layer in convolutions[1::2])
