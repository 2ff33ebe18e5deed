"""The functions of names, against names that were written down by hand."""

import json

import numpy as np
import pytest

from kzoo.weights import families, folded
from kzoo.weights.families import mobilenet_v2, resnet, retinanet
from tests.golden import load


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("conv1", "stem_conv"),
        ("bn1", "stem_bn"),
        ("layer1.0.conv1", "stage2_block1_1_conv"),
        ("layer3.22.bn3", "stage4_block23_3_bn"),
        ("layer4.0.downsample.0", "stage5_block1_shortcut_conv"),
        ("layer4.0.downsample.1", "stage5_block1_shortcut_bn"),
        ("fc", "logits"),
        ("layer1.0.se.fc1", None),
    ],
)
def test_torchvision_resnet(theirs, ours):
    assert resnet.torchvision(theirs) == ours


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("features.0.0", "stem_conv"),
        ("features.0.1", "stem_bn"),
        ("features.1.conv.0.0", "block1_depthwise_conv"),
        ("features.1.conv.0.1", "block1_depthwise_bn"),
        ("features.1.conv.1", "block1_project_conv"),
        ("features.1.conv.2", "block1_project_bn"),
        ("features.2.conv.0.0", "block2_expand_conv"),
        ("features.2.conv.1.1", "block2_depthwise_bn"),
        ("features.17.conv.2", "block17_project_conv"),
        ("features.17.conv.3", "block17_project_bn"),
        ("features.18.0", "head_conv"),
        ("features.18.1", "head_bn"),
        ("classifier.1", "logits"),
        ("classifier.0", None),
    ],
)
def test_torchvision_mobilenet_v2(theirs, ours):
    assert mobilenet_v2.torchvision(theirs) == ours


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("backbone.body.layer2.0.conv1", "stage3_block1_1_conv"),
        ("backbone.fpn.inner_blocks.0.0", "P3_lateral"),
        ("backbone.fpn.layer_blocks.2.0", "P5"),
        ("backbone.fpn.extra_blocks.p6", "P6"),
        ("backbone.fpn.extra_blocks.p7", "P7"),
        ("head.classification_head.conv.3.0", "logits_4"),
        ("head.classification_head.cls_logits", "logits_5"),
        ("head.regression_head.conv.0.0", "deltas_1"),
        ("head.regression_head.conv.0.1", "deltas_1_gn"),
        ("head.regression_head.bbox_reg", "deltas_5"),
        # As the published file of 2020 has them, with the ReLUs counted.
        ("backbone.fpn.inner_blocks.1", "P4_lateral"),
        ("head.classification_head.conv.6", "logits_4"),
        ("head.regression_head.conv.0", "deltas_1"),
        ("head.regression_head.other", None),
    ],
)
def test_torchvision_retinanet(theirs, ours):
    assert retinanet.torchvision(theirs) == ours


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("conv1_conv", "stem_conv"),
        ("conv1_bn", "stem_bn"),
        ("conv2_block1_0_conv", "stage2_block1_shortcut_conv"),
        ("conv4_block23_3_bn", "stage4_block23_3_bn"),
        ("predictions", "logits"),
        ("post_bn", None),
    ],
)
def test_keras_resnet(theirs, ours):
    assert resnet.keras_applications(theirs) == ours


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("Conv1", "stem_conv"),
        ("bn_Conv1", "stem_bn"),
        ("expanded_conv_depthwise", "block1_depthwise_conv"),
        ("expanded_conv_project_BN", "block1_project_bn"),
        ("block_1_expand", "block2_expand_conv"),
        ("block_16_depthwise_BN", "block17_depthwise_bn"),
        ("Conv_1", "head_conv"),
        ("Conv_1_bn", "head_bn"),
        ("predictions", "logits"),
        ("block_1_pad", None),
    ],
)
def test_keras_mobilenet_v2(theirs, ours):
    assert mobilenet_v2.keras_applications(theirs) == ours


@pytest.mark.parametrize(
    "golden, origin",
    [
        ("retinanet_torchvision", "torchvision RetinaNet"),
        ("retinanet_v2", "torchvision RetinaNet v2"),
    ],
)
def test_publishers_are_recognized_by_their_names(golden, origin):
    names = json.loads(str(load(golden)["shapes"]))
    assert families.recognize(names).origin == origin


def test_keras_resnet_v2_is_not_taken_for_v1():
    names = ["conv1_conv/kernel", "conv2_block1_0_conv/kernel", "post_bn/gamma"]
    assert families.recognize(names).origin == "kzoo"


def test_a_folded_bias_is_what_the_mean_loses():
    """y = (x + b - mean) * ..., so a convolution's bias 3 makes a mean of 5 to 2."""
    arrays = {
        "conv1_conv/bias": np.float32([3]),
        "conv1_bn/moving_mean": np.float32([5]),
        "conv1_bn/moving_variance": np.float64([1]),
    }
    converted = resnet.keras_arrays(arrays)
    assert converted["stem_bn/moving_mean"] == 2
    # Keras' epsilon is larger than ours by 1e-8.
    assert converted["stem_bn/moving_variance"] == pytest.approx(1 + 1e-8, abs=1e-12)
    assert "stem_conv/bias" not in converted


def test_folded_operations_are_in_the_order_of_their_numbers():
    names = ["10:CONV_2D:w", "9:CONV_2D:w", "9:CONV_2D:b", "100:CONV_2D:w"]
    assert folded.operations(names) == ["9:CONV_2D", "10:CONV_2D", "100:CONV_2D"]
    assert folded.operations(["conv1.weight"]) == []


def test_mobilenet_v2_has_53_convolutions():
    """Table 2: stem, 16 blocks of 3, one of 2, head; and the classifier."""
    assert len(mobilenet_v2.tflite()) == 1 + 2 + 16 * 3 + 1 + 1
