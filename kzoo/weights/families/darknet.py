"""Darknet's own files: its classifiers, YOLO v1, YOLO v2.

A file has neither names nor shapes. A network's cfg says in which order they lie there,
which is stated here with our names; the count of all numbers says which network a file
is of, and how many classes it has. Classifiers may come without their last layer, as
darknet19_448.conv.23 and extraction.conv.weights do.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from kzoo.models.classification.darknet import (
    DARKNET19,
    EPSILON,
    EXTRACTION,
    REFERENCE,
)
from kzoo.weights.layout import Layout
from kzoo.weights.published import Published
from kzoo.weights.readers.darknet import count_of

_MOST_CLASSES = 1000
_PRIORS = 5
# What each prior of YOLO v2 has, in this order.
_PARTS = {"deltas": slice(4), "objectness": slice(4, 5), "logits": slice(5, None)}


def convolution(name, size, inputs, filters):
    """[(variable, shape), ...] in a file's order."""
    norm = ("beta", "gamma", "moving_mean", "moving_variance")
    return [
        *((f"{name}_bn/{variable}", (filters,)) for variable in norm),
        (f"{name}_conv/kernel", (filters, inputs, size, size)),
    ]


def convolutions(stages, inputs=3):
    found = []
    for stage, rows in enumerate(stages, start=1):
        for i, (filters, size, *_) in enumerate(rows, start=1):
            found += convolution(f"stage{stage}_{i}", size, inputs, filters)
            inputs = filters
    return found


def last(name, outputs, *inputs):
    """A layer with biases and no batch norm."""
    return [(f"{name}/bias", (outputs,)), (f"{name}/kernel", (outputs, *inputs))]


def darknet19(classes):
    return convolutions(DARKNET19) + last("logits_conv", classes, 1024, 1, 1)


def extraction(classes):
    return convolutions(EXTRACTION) + last("logits_conv", classes, 1024, 1, 1)


def darknet_reference(classes):
    head = convolution("head", 3, 512, 1024)
    return convolutions(REFERENCE) + head + last("logits", classes, 1024)


def yolo_v2(classes):
    head = [
        *convolution("head_1", 3, 1024, 1024),
        *convolution("head_2", 3, 1024, 1024),
        *convolution("head_passthrough", 1, 512, 64),
        *convolution("head_3", 3, 1280, 1024),
    ]
    outputs = _PRIORS * (5 + classes)
    return convolutions(DARKNET19) + head + last("priors", outputs, 1024, 1, 1)


def yolo_v2_tiny(filters):
    """The layers, by classes, where the convolution before the last has `filters`."""

    def layers(classes):
        head = convolution("head_1", 3, 512, 1024)
        head += convolution("head_2", 3, 1024, filters)
        outputs = _PRIORS * (5 + classes)
        return convolutions(REFERENCE) + head + last("priors", outputs, filters, 1, 1)

    return layers


def yolo_v1_darknet(side):
    """The layers, by classes, of a grid of side x side cells."""

    def layers(classes):
        head = []
        for i in range(1, 5):
            head += convolution(f"head_{i}", 3, 1024, 1024)
        local = [
            ("head_local_conv/bias", (256, side, side)),
            ("head_local_conv/kernel", (side * side, 256, 1024, 3, 3)),
        ]
        return convolutions(EXTRACTION) + head + local + cells(side, classes, boxes=3)

    return layers


def yolo_v1_tiny(side):
    def layers(classes):
        head = convolution("head_1", 3, 512, 1024)
        head += convolution("head_2", 3, 1024, 256)
        return convolutions(REFERENCE) + head + cells(side, classes, boxes=2)

    return layers


def cells(side, classes, boxes):
    """The last layer of YOLO v1: first all classes, then confidences, then boxes."""
    places = side * side
    outputs = (
        ("head_logits", places * classes),
        ("head_objectness", places * boxes),
        ("head_deltas", places * boxes * 4),
    )
    return [
        *((f"{name}/bias", (count,)) for name, count in outputs),
        *((f"{name}/kernel", (count, 256, places)) for name, count in outputs),
    ]


def count(layers):
    return sum(math.prod(shape) for _, shape in layers)


@dataclasses.dataclass(frozen=True)
class Network:
    """What Darknet trained.

    Attributes:
      builders: ours that take it, first the one that takes all of it.
      forms: functions from classes to layers, one for each form that it has.
      fewest: classes.
    """

    builders: tuple
    forms: tuple[Callable, ...]
    fewest: int = 1

    def layers(self, total):
        """The layers of the form that has `total` numbers, or None."""
        for form in self.forms:
            none = count(form(0))
            classes, rest = divmod(total - none, count(form(1)) - none)
            if rest == 0 and self.fewest <= classes <= _MOST_CLASSES:
                return form(classes)
        return None

    def layout(self):
        def marks(names):
            total = count_of(names)
            return total is not None and self.layers(total) is not None

        def convert(arrays):
            (numbers,) = arrays.values()
            return ours(self.layers(numbers.size), numbers)

        return Layout(f"Darknet {self.builders[0]}", self.builders, marks, convert)


def ours(layers, numbers):
    """{our name: array} of all the numbers of a file."""
    arrays, start = {}, 0
    for name, shape in layers:
        end = start + math.prod(shape)
        if end > start:  # else a last layer of no classes
            arrays[name] = _ours(name, numbers[start:end].reshape(shape))
        start = end
    return _of_outputs(arrays)


def _ours(name, array):
    if name.endswith("moving_variance"):
        # Theirs is divided by sqrt(variance) + 1e-6, ours by sqrt(variance + EPSILON).
        deviation = np.sqrt(array.astype("float64")) + 1e-6
        return np.maximum(deviation**2 - EPSILON, 0.0).astype("float32")
    if name == "head_local_conv/bias":
        return array.transpose(1, 2, 0)
    if array.ndim == 5:  # (positions, out, in, h, w)
        positions, filters = array.shape[:2]
        return array.transpose(0, 3, 4, 2, 1).reshape(positions, -1, filters)
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if array.ndim == 3:  # (out, in, cells) of a layer behind a flattening
        return array.transpose(2, 1, 0).reshape(-1, len(array))
    return array.T


def _of_outputs(arrays):
    """With outputs as ours: YOLO v2's apart, of ImageNet's classes in the usual
    order."""
    arrays = dict(arrays)
    for variable in ("kernel", "bias"):
        priors = arrays.pop(f"priors/{variable}", None)
        if priors is not None:
            shape = (*priors.shape[:-1], _PRIORS, -1)
            priors = priors.reshape(shape)  # of each: box, objectness, classes
            for name, part in _PARTS.items():
                shape = (*priors.shape[:-2], -1)
                arrays[f"head_{name}/{variable}"] = priors[..., part].reshape(shape)
        for layer in ("logits_conv", "logits"):
            name = f"{layer}/{variable}"
            if name in arrays and arrays[name].shape[-1] == 1000:
                arrays[name] = arrays[name][..., _usual_order()]
    return arrays


def _usual_order():
    """Where Darknet has each of ImageNet's 1000 classes."""
    from kzoo.weights.catalogue import class_names  # which knows this module

    theirs, usual = class_names("imagenet_darknet"), class_names("imagenet")
    place = {name: i for i, name in enumerate(theirs)}
    return [place[name] for name in usual]


_SIDES = (7, *(side for side in range(1, 31) if side != 7))
NETWORKS = (
    Network(("darknet19",), (darknet19,), fewest=0),
    Network(("extraction_bn",), (extraction,), fewest=0),
    Network(("darknet_reference",), (darknet_reference,), fewest=0),
    Network(("yolo_v2", "darknet19"), (yolo_v2,)),
    Network(
        ("yolo_v2_tiny", "darknet_reference"), (yolo_v2_tiny(1024), yolo_v2_tiny(512))
    ),
    Network(("yolo_v1_darknet", "extraction_bn"), tuple(map(yolo_v1_darknet, _SIDES))),
    Network(("yolo_v1_tiny", "darknet_reference"), tuple(map(yolo_v1_tiny, _SIDES))),
)


def _unknown(arrays):
    total = count_of(arrays)
    known = ", ".join(
        f"{network.builders[0]} {count(network.forms[0](classes)):,} with {classes}"
        for network in NETWORKS
        for classes in [1000 if network.fewest == 0 else 20]
    )
    raise ValueError(
        f"{total:,} numbers are too few or too many for each of Darknet's networks "
        f"that kzoo has. As many have, with classes: {known}"
    )


LAYOUTS = (
    *(network.layout() for network in NETWORKS),
    Layout("Darknet", (), lambda names: count_of(names) is not None, _unknown),
)

_SITE = "https://pjreddie.com/media/files/"
_COCO_TINY = {"anchors": "coco", "filters": (1024, 512)}
_PUBLISHED = (
    ("imagenet", "darknet19", "darknet19.weights", "72.9 / 91.2", {}),
    ("imagenet_448", "darknet19", "darknet19_448.weights", "76.4 / 93.5", {}),
    ("imagenet", "extraction_bn", "extraction.weights", "72.5 / 90.8", {}),
    ("imagenet", "darknet_reference", "darknet.weights", "61.1 / 83.0", {}),
    ("voc", "yolo_v2", "yolov2-voc.weights", "VOC 2007 mAP 76.8", {}),
    ("coco", "yolo_v2", "yolov2.weights", "AP50 48.1", {"anchors": "coco"}),
    ("voc", "yolo_v2_tiny", "yolov2-tiny-voc.weights", "VOC 2007 mAP 57.1", {}),
    ("coco", "yolo_v2_tiny", "yolov2-tiny.weights", "AP50 23.7", _COCO_TINY),
    ("voc", "yolo_v1_darknet", "yolov1/yolov1.weights", "VOC 2007 mAP 63.4", {}),
    ("voc", "yolo_v1_tiny", "yolov1/tiny-yolov1.weights", "VOC 2007 mAP 52.7", {}),
)
PUBLISHED = tuple(
    Published(
        name,
        builder,
        _SITE + file,
        "",
        "none stated",
        score,
        arguments,
        classes=name.partition("_")[0],
    )
    for name, builder, file, score, arguments in _PUBLISHED
)
