"""SqueezeNet: what its tables say and its publishers have of their own."""

import numpy as np
import pytest

from kzoo import models


def test_poolings_are_where_table_1_has_them():
    outputs = models.squeezenet1_0(classes=None, input_shape=(224, 224, 3)).output
    assert [x.shape[-1] for x in outputs.values()] == [96, 256, 512, 512]
    # Table 1 begins with 111, which takes padding; the authors' file has none.
    assert [x.shape[1] for x in outputs.values()] == [109, 54, 27, 13]


@pytest.mark.parametrize("name, side", [("squeezenet1_0", 15), ("squeezenet1_1", 14)])
def test_only_the_first_version_has_a_border_around_its_last_convolution(name, side):
    """pad: 1 is in SqueezeNet_v1.0/deploy.prototxt and not in v1.1's."""
    model = models.build(name, width=0.25)
    assert model.get_layer("logits_conv").output.shape[1:3] == (side, side)


def test_logits_are_means_of_what_a_relu_leaves():
    model = models.squeezenet1_1(width=0.25, classes=7, input_shape=(64, 64, 3))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3))
    logits = model(pictures)
    assert logits.shape == (2, 7)
    assert np.min(logits) >= 0
