"""What parity cannot see of the Inceptions' files: older names, classes that are one
too many, marks that others share."""

import numpy as np
import pytest

from kzoo.weights.families import inception_v3, recognize, xception
from kzoo.weights.families.inception_resnet import without_background
from kzoo.weights.families.inception_v4 import cadene
from kzoo.weights.numbered import in_order
from tests.golden.reference import FOLDER, about

NETWORKS = (
    "googlenet",
    "googlenet_torchvision",
    "inception_resnet_v1",
    "inception_resnet_v1_paper",
    "inception_resnet_v2",
    "inception_resnet_v2_keras",
    "inception_v2",
    "inception_v3",
    "inception_v3_torchvision",
    "inception_v4",
    "xception",
    "xception_timm",
)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_layout_takes_another_networks_file(name):
    facts = about(FOLDER / f"{name}.npz")
    builder = facts["builder"]
    assert builder in recognize(facts["shapes"], [builder]).builders
    # Whoever has no builder in mind gets the same family.
    family = builder.removesuffix("_paper").removesuffix("_torchvision")
    found = recognize(facts["shapes"]).builders
    assert family in [b.removesuffix("_torchvision") for b in found]


def test_numbers_count_from_anywhere_and_ten_comes_after_nine():
    names = [f"conv2d_{i}/kernel" for i in (10, 9, 11)] + ["batch_normalization/beta"]
    assert in_order(names, ["a", "b", "c"]) == {
        "conv2d_9": "a_conv",
        "conv2d_10": "b_conv",
        "conv2d_11": "c_conv",
        "batch_normalization": "a_bn",
    }


def test_xceptions_file_of_keras_1():
    """Its author saved it with Keras 1.2, whose layers had longer names."""
    kernel = np.zeros((1, 1, 64, 128), "float32")
    depthwise = np.zeros((3, 3, 64, 1), "float32")
    ours = xception.keras_arrays(
        {
            "convolution2d_1/kernel": kernel,
            "batchnormalization_1/gamma": np.ones(128, "float32"),
            "block2_sepconv1/block2_sepconv1_depthwise_kernel": depthwise,
            "block2_sepconv1/block2_sepconv1_pointwise_kernel": kernel,
        }
    )
    assert set(ours) == {
        "block2_shortcut_conv/kernel",
        "block2_shortcut_bn/gamma",
        "block2_1_depthwise_conv/kernel",
        "block2_1_pointwise_conv/kernel",
    }


def test_background_is_left_out():
    """Cadene's files of v4 and Inception-ResNet v2 have 1001 classes."""
    arrays = {
        "logits/kernel": np.tile(np.arange(1001.0), (4, 1)),
        "logits/bias": np.arange(1001.0),
    }
    ours = without_background(arrays)
    np.testing.assert_array_equal(ours["logits/bias"], np.arange(1.0, 1001))
    assert ours["logits/kernel"].shape == (4, 1000)
    assert ours["logits/kernel"][0, 0] == 1


def test_layers_that_no_publisher_has_stay_unknown():
    assert cadene("features.3.pool.weight") is None
    assert inception_v3.torchvision("Mixed_9a.conv") is None
    assert xception.timm("block1.rep") is None
