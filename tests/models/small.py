"""A small version of each builder: all of its layers, few channels, a small picture."""

from kzoo import models

SMALL = {
    "alexnet": {"classes": 5, "width": 0.0625},
    "alexnet_bvlc": {"classes": 5, "width": 0.0625},
    "alexnet_torchvision": {"classes": 5, "width": 0.125},
    "caffenet": {"classes": 5, "width": 0.0625},
    "efficientnet_b0": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b0_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b1": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b1_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b2": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b2_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b3": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b3_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b4": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b4_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b5": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b5_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b6": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b6_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b7": {"classes": 5, "width": 0.25, "depth": 0.1},
    "efficientnet_b7_torchvision": {"classes": 5, "width": 0.25, "depth": 0.1},
    "mobilenet_v1": {"classes": 5, "width": 0.25},
    "mobilenet_v1_timm": {"classes": 5, "width": 0.25},
    "mobilenet_v2": {"classes": 5, "width": 0.25},
    "mobilenet_v2_torchvision": {"classes": 5, "width": 0.25},
    "resnet18": {"classes": 5, "width": 0.125},
    "resnet20_cifar": {"classes": 5, "width": 0.5},
    "resnet32_cifar": {"classes": 5, "width": 0.5},
    "resnet34": {"classes": 5, "width": 0.125},
    "resnet44_cifar": {"classes": 5, "width": 0.5},
    "resnet50": {"classes": 5, "width": 0.125},
    "resnet50_v1": {"classes": 5, "width": 0.125},
    "resnet50_v2": {"classes": 5, "width": 0.125},
    "resnet50_v2_keras": {"classes": 5, "width": 0.125},
    "resnet56_cifar": {"classes": 5, "width": 0.25},
    "resnet101": {"classes": 5, "width": 0.0625},
    "resnet101_v1": {"classes": 5, "width": 0.0625},
    "resnet101_v2": {"classes": 5, "width": 0.0625},
    "resnet101_v2_keras": {"classes": 5, "width": 0.0625},
    "resnet110_cifar": {"classes": 5, "width": 0.25},
    "resnet110_v2_cifar": {"classes": 5, "width": 0.25},
    "resnet152": {"classes": 5, "width": 0.0625},
    "resnet152_v1": {"classes": 5, "width": 0.0625},
    "resnet152_v2": {"classes": 5, "width": 0.0625},
    "resnet152_v2_keras": {"classes": 5, "width": 0.0625},
    "resnet164_v2_cifar": {"classes": 5, "width": 0.25},
    "resnet200_v2": {"classes": 5, "width": 0.0625},
    "resnet1001_v2_cifar": {"classes": 5, "width": 0.125},
    "retinanet": {"classes": 5, "backbone": "resnet18(width=0.125)", "filters": 16},
    "retinanet_torchvision": {"classes": 5, "backbone": "resnet18(width=0.125)"},
    # Groups of four channels: normalized, one or two values say nothing of their size.
    "retinanet_v2": {"classes": 5, "backbone": "resnet18(width=0.125)", "filters": 128},
    "vgg11": {"classes": 5, "width": 0.0625},
    "vgg11_bn": {"classes": 5, "width": 0.0625},
    "vgg13": {"classes": 5, "width": 0.0625},
    "vgg13_bn": {"classes": 5, "width": 0.0625},
    "vgg16": {"classes": 5, "width": 0.0625},
    "vgg16_bn": {"classes": 5, "width": 0.0625},
    "vgg16_torchvision": {"classes": 5, "width": 0.0625},
    "vgg19": {"classes": 5, "width": 0.0625},
    "vgg19_bn": {"classes": 5, "width": 0.0625},
    "vgg19_torchvision": {"classes": 5, "width": 0.0625},
    "xception": {"classes": 5, "width": 0.125},
    "inception_v3": {"classes": 5, "width": 0.125},
    "inception_v3_gluon": {"classes": 5, "width": 0.125},
    "inception_v3_torchvision": {"classes": 5, "width": 0.125},
    "squeezenet1_0": {"classes": 5, "width": 0.25},
    "squeezenet1_0_torchvision": {"classes": 5, "width": 0.25},
    "squeezenet1_1": {"classes": 5, "width": 0.25},
    "squeezenet1_1_torchvision": {"classes": 5, "width": 0.25},
}
# Side of the pictures where 64 is too few for all of the strides.
SIDES = {
    "alexnet": 67,
    "alexnet_bvlc": 67,
    "caffenet": 67,
    "inception_v3": 107,
    "inception_v3_gluon": 107,
    "inception_v3_torchvision": 107,
}


def build_small(name, **arguments):
    """The small version of the builder called `name`."""
    side = SIDES.get(name, 64)
    return models.build(
        name, **{"input_shape": (side, side, 3), **SMALL[name], **arguments}
    )
