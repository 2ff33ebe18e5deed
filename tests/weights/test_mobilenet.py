"""Names of MobileNets that no golden has: of published files, and lookalikes."""

import numpy as np
import pytest

from kzoo.weights import families
from kzoo.weights.families import mobilenet_v1, mobilenet_v2, mobilenet_v3


@pytest.mark.parametrize(
    "theirs, ours",
    [
        # As keras.applications' files of 2020 have them.
        ("Conv", "stem_conv"),
        ("Conv/BatchNorm", "stem_bn"),
        ("expanded_conv/depthwise", "block1_depthwise_conv"),
        ("expanded_conv/squeeze_excite/Conv_1", "block1_se_2_conv"),
        ("expanded_conv_10/expand/BatchNorm", "block11_expand_bn"),
        ("Conv_1/BatchNorm", "head_bn"),
        ("Conv_2", "head_dense"),
        ("Logits", "logits"),
        # As the reader of such files gives them.
        ("Conv_BatchNorm", "stem_bn"),
        ("expanded_conv_squeeze_excite_Conv_1", "block1_se_2_conv"),
        # As Keras 3 has them.
        ("expanded_conv_squeeze_excite_conv", "block1_se_1_conv"),
        ("expanded_conv_10_project", "block11_project_conv"),
        ("conv_1", "head_conv"),
        ("re_lu", None),
    ],
)
def test_keras_mobilenet_v3(theirs, ours):
    assert mobilenet_v3.keras_applications(theirs) == ours


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("mobilenet_v1.conv_stem.convolution", "stem_conv"),
        ("mobilenet_v1.layer.0.convolution", "block1_depthwise_conv"),
        ("mobilenet_v1.layer.25.normalization", "block13_pointwise_bn"),
        ("classifier", "logits"),
        ("mobilenet_v1.pooler", None),
    ],
)
def test_transformers_mobilenet_v1(theirs, ours):
    assert mobilenet_v1.transformers(theirs) == ours


def test_the_first_of_1001_classes_is_left_out():
    convert = mobilenet_v1.without_background(lambda arrays: arrays)
    kernel, bias = np.ones((2, 1001)), np.arange(1001)
    converted = convert({"logits/kernel": kernel, "logits/bias": bias})
    assert converted["logits/kernel"].shape == (2, 1000)
    assert converted["logits/bias"][0] == 1


def test_mobilenets_of_timm_are_told_apart_by_the_model_that_asks():
    names = ["blocks.5.0.conv.weight", "conv_head.bias", "conv_stem.weight"]
    for builder in ("mobilenet_v3_small", "mobilenet_v3_small_torchvision"):
        assert builder in families.recognize(names, (builder,)).builders


def test_timm_counts_from_stages():
    rename = mobilenet_v2.timm((1, 2, 3, 4, 3, 3, 1))
    assert rename("blocks.0.0.conv_pw") == "block1_project_conv"
    assert rename("blocks.2.2.bn3") == "block6_project_bn"
    assert rename("blocks.6.0.conv_pw") == "block17_expand_conv"
    assert rename("global_pool") is None
