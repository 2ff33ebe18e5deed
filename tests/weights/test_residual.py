"""Names of residual networks and DenseNets, and files of other years and kinds."""

import numpy as np
import pytest

from kzoo.weights import families
from kzoo.weights.families import (
    densenet,
    resnet_cifar,
    resnet_v2,
    senet,
    wide_resnet,
)
from tests.golden.reference import FOLDER, about


@pytest.mark.parametrize(
    "rename, theirs, ours",
    [
        (resnet_cifar.akamaster, "layer3.17.bn2", "stage3_block18_2_bn"),
        (resnet_cifar.akamaster, "linear", "logits"),
        (resnet_cifar.akamaster, "layer1.0.shortcut", None),
        (resnet_v2.timm, "stages.0.blocks.0.norm1", "stem_bn"),
        (resnet_v2.timm, "stages.1.blocks.0.norm1", "stage3_block1_1_bn"),
        (resnet_v2.timm, "stages.3.blocks.2.conv3", "stage5_block3_3_conv"),
        (resnet_v2.timm, "stages.3.blocks.0.downsample.norm", None),
        (
            resnet_v2.keras_applications,
            "conv5_block3_preact_bn",
            "stage5_block3_1_bn",
        ),
        (resnet_v2.keras_applications, "conv2_block1_2_bn", "stage2_block1_3_bn"),
        (
            resnet_v2.keras_applications,
            "conv2_block1_0_conv",
            "stage2_block1_shortcut_conv",
        ),
        (
            densenet.torchvision,
            "features.denseblock3.denselayer24.conv2",
            "stage4_layer24_2_conv",
        ),
        # The files of 2017, which torchvision still publishes.
        (
            densenet.torchvision,
            "features.denseblock1.denselayer1.norm.1",
            "stage2_layer1_1_bn",
        ),
        (
            densenet.torchvision,
            "features.denseblock1.denselayer1.conv.2",
            "stage2_layer1_2_conv",
        ),
        (densenet.torchvision, "features.norm5", "post_bn"),
        (densenet.torchvision, "features.relu0", None),
        (densenet.keras_applications, "conv3_block12_0_bn", "stage3_layer12_1_bn"),
        (densenet.keras_applications, "pool4_conv", "stage4_transition_conv"),
        (senet.timm, "layer2.3.se_module.fc2", "stage3_block4_se_2_conv"),
        (senet.timm, "layer0.bn1", "stem_bn"),
        (senet.timm_senet154, "layer0.bn3", "stem_3_bn"),
        (senet.timm_senet154, "layer4.0.downsample.0", "stage5_block1_shortcut_conv"),
        (wide_resnet.szagoruyko, "group0.block0.bn0", "stem_bn"),
        (
            wide_resnet.szagoruyko,
            "group2.block0.convdim",
            "stage3_block1_shortcut_conv",
        ),
    ],
)
def test_names(rename, theirs, ours):
    assert rename(theirs) == ours


@pytest.mark.parametrize(
    "golden, origin",
    [
        ("resnet20_cifar", "akamaster CIFAR ResNet"),
        ("resnet50_v2", "timm ResNet v2"),
        ("resnet50_v2_keras", "keras.applications ResNet v2"),
        ("resnet50_v1", "keras.applications ResNet"),
        ("densenet121", "torchvision DenseNet"),
        ("densenet121_keras", "keras.applications DenseNet"),
        ("se_resnext50_32x4d", "timm SE-ResNet"),
        ("senet154", "timm SENet-154"),
        ("wide_resnet28_10", "szagoruyko WRN"),
        ("resnext50_32x4d", "torchvision ResNeXt"),
        ("wide_resnet50_2", "torchvision ResNeXt"),
        ("resnet50", "torchvision ResNet"),
    ],
)
def test_a_file_is_recognized_for_its_model(golden, origin):
    facts = about(FOLDER / f"{golden}.npz")
    found = families.recognize(facts["shapes"], (facts["builder"],))
    assert found.origin == origin


def test_the_linear_layer_of_timms_v2_is_a_convolution():
    arrays = {
        "head.fc.weight": np.ones((10, 8, 1, 1), "float32"),
        "head.fc.bias": np.ones(10, "float32"),
    }
    converted = resnet_v2.timm_arrays(arrays)
    assert converted["logits/kernel"].shape == (8, 10)
    assert converted["logits/bias"].shape == (10,)
