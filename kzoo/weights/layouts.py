"""Whose weights these are: recognized by their names, converted to ours."""

import dataclasses
from collections.abc import Callable

from kzoo.weights import folded, keras_applications, torchvision

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
RESNETS_V1 = ("resnet50_v1", "resnet101_v1", "resnet152_v1")


@dataclasses.dataclass(frozen=True)
class Layout:
    """One publisher's way to name and shape the weights of one family.

    Attributes:
      origin: whose they are, for messages.
      builders: ours that compute as theirs do, with the weights or a part of them.
        Others have the same shapes and give other results (stride, padding, pixels).
      marks: names that are in every such file.
      convert: from their {name: array} to ours.
    """

    origin: str
    builders: tuple
    marks: Callable
    convert: Callable


def has(*marks):
    return lambda names: set(marks) <= set(names)


LAYOUTS = (
    Layout(
        "torchvision RetinaNet v2",
        ("retinanet_v2", "resnet50"),
        has("backbone.body.conv1.weight", "head.regression_head.conv.0.1.weight"),
        torchvision.converter(torchvision.retinanet),
    ),
    Layout(
        "torchvision RetinaNet",
        ("retinanet_torchvision", "resnet50"),
        has("backbone.body.conv1.weight", "head.regression_head.bbox_reg.weight"),
        torchvision.converter(torchvision.retinanet),
    ),
    Layout(
        "torchvision ResNet",
        RESNETS,
        has("layer1.0.conv1.weight", "bn1.running_mean"),
        torchvision.converter(torchvision.resnet),
    ),
    Layout(
        "torchvision MobileNetV2",
        ("mobilenet_v2_torchvision",),
        has("features.0.0.weight", "features.17.conv.3.running_mean"),
        torchvision.converter(torchvision.mobilenet_v2),
    ),
    Layout(
        "keras.applications ResNet",
        RESNETS_V1,
        has("conv1_bn/gamma", "conv2_block1_0_conv/kernel"),
        keras_applications.resnet_arrays,
    ),
    Layout(
        "keras.applications MobileNetV2",
        ("mobilenet_v2",),
        has("bn_Conv1/gamma", "expanded_conv_project/kernel"),
        keras_applications.converter(keras_applications.mobilenet_v2),
    ),
    Layout(
        "folded MobileNetV2",
        ("mobilenet_v2",),
        folded.is_mobilenet_v2,
        folded.mobilenet_v2_arrays,
    ),
    Layout(
        "kzoo",
        (),
        lambda names: any(name.endswith("/kernel") for name in names),
        dict,
    ),
)


def recognize(names):
    """The first layout that has these names.

    Raises:
      ValueError: if none has.
    """
    for layout in LAYOUTS:
        if layout.marks(names):
            return layout
    some = ", ".join(list(names)[:3]) or "nothing"
    known = ", ".join(layout.origin for layout in LAYOUTS)
    raise ValueError(f"{some} ... are names of no layout that kzoo has: {known}")
