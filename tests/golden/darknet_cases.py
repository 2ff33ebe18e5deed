"""What both Darknet and kzoo are asked: files of drawn weights, raw outputs, boxes."""

import dataclasses
import struct

import numpy as np

from kzoo import models
from kzoo.models.detection.yolo_v2 import ANCHORS
from kzoo.weights.families import darknet
from tests.golden import draw


@dataclasses.dataclass(frozen=True)
class File:
    """A cfg of the authors and what we call it.

    Attributes:
      cfg: its name.
      builder, arguments: ours, but for the pictures' size.
      numbers: in its file: with 1000, 20 or 80 classes as the authors' files have them.
      size: (height, width) of the pictures here.
      outputs: {ours: number of the cfg's layer}.
    """

    cfg: str
    builder: str
    numbers: int
    size: tuple
    outputs: dict
    arguments: dict = dataclasses.field(default_factory=dict)

    def layers(self):
        """[(variable, shape), ...] as they lie in the file."""
        (network,) = (n for n in darknet.NETWORKS if n.builders[0] == self.builder)
        return network.layers(self.numbers)

    def build(self):
        arguments = {"input_shape": (*self.size, 3), **self.arguments}
        return models.build(self.builder, **arguments)


_COCO = {"classes": 80, "anchors": "coco"}
FILES = {
    "darknet19": File(
        "darknet19",
        "darknet19",
        20_856_776,
        (75, 100),
        {"logits": 24, "C1": 2, "C2": 6, "C3": 10, "C4": 16, "C5": 22},
    ),
    "extraction_bn": File(
        "extraction",
        "extraction_bn",
        23_455_400,
        (75, 100),
        {"logits": 25, "C1": 0, "C2": 2, "C3": 7, "C4": 18, "C5": 23},
    ),
    "darknet_reference": File(
        "darknet",
        "darknet_reference",
        7_323_480,
        (75, 100),
        {"logits": 14, "C1": 2, "C2": 4, "C3": 6, "C4": 8, "C5": 10},
    ),
    "yolo_v2": File("yolov2-voc", "yolo_v2", 50_676_061, (64, 96), {"raw": 30}),
    "yolo_v2_coco": File("yolov2", "yolo_v2", 50_983_561, (64, 96), {"raw": 30}, _COCO),
    "yolo_v2_tiny": File(
        "yolov2-tiny-voc", "yolo_v2_tiny", 15_867_885, (64, 96), {"raw": 14}
    ),
    "yolo_v2_tiny_coco": File(
        "yolov2-tiny",
        "yolo_v2_tiny",
        11_237_145,
        (64, 96),
        {"raw": 14},
        {**_COCO, "filters": (1024, 512)},
    ),
    # Two cells a side and not seven, which would be 750 MB.
    "yolo_v1_darknet": File(
        "yolov1", "yolo_v1_darknet", 69_777_228, (128, 128), {"raw": 30}
    ),
    "yolo_v1_tiny": File(
        "yolov1-tiny", "yolo_v1_tiny", 8_781_800, (128, 128), {"raw": 14}
    ),
}


# Figure 3 of YOLO v1 an eighth as wide: (filters, size, strides) and poolings.
PAPER_ROWS = (
    *((8, 7, 2), "pool", (24, 3), "pool"),
    *((16, 1), (32, 3), (32, 1), (64, 3), "pool"),
    *((32, 1), (64, 3)) * 4,
    *((64, 1), (128, 3), "pool"),
    *((64, 1), (128, 3)) * 2,
    *((128, 3), (128, 3, 2), (128, 3), (128, 3)),
)
PAPER = {
    "backbone": "extraction(width=0.125)",
    "input_shape": (128, 128, 3),
    "filters": 128,
    "units": 64,
}


def paper_layers():
    """[(variable, shape), ...] of PAPER_ROWS and two layers behind them."""
    rows = [row for row in PAPER_ROWS if row != "pool"]
    stages = [(1, 1), (2, 1), *((3, i) for i in range(1, 5))]
    stages += [*((4, i) for i in range(1, 11)), *((5, i) for i in range(1, 5))]
    names = [f"stage{stage}_{i}_conv" for stage, i in stages]
    names += [f"head_{i}_conv" for i in range(1, 5)]
    layers, inputs = [], 3
    for name, (filters, size, *_) in zip(names, rows, strict=True):
        layers += darknet.last(name, filters, inputs, size, size)
        inputs = filters
    layers += darknet.last("head_dense", 64, inputs, 4)
    outputs = (("head_logits", 80), ("head_objectness", 8), ("head_deltas", 32))
    layers += [(f"{name}/bias", (count,)) for name, count in outputs]
    return layers + [(f"{name}/kernel", (count, 64)) for name, count in outputs]


def drawn(layers):
    """All numbers of a file, float32; drawn by name, of [(variable, shape), ...]."""
    # "weight" tells `draw` that inputs come after outputs.
    shapes = {name.replace("kernel", "weight"): shape for name, shape in layers}
    arrays = draw.weights(shapes)
    return np.concatenate([array.ravel() for array in arrays.values()])


def write(path, numbers, version=(0, 2, 0)):
    """A .weights file; 32 bits for the pictures seen before version 0.2, else 64."""
    major, minor, _ = version
    seen = struct.pack("<q" if 10 * major + minor >= 2 else "<i", 12_345)
    with open(path, "wb") as file:
        file.write(struct.pack("<3i", *version) + seen)
        np.asarray(numbers, "<f4").tofile(file)


@dataclasses.dataclass(frozen=True)
class Loss:
    """Raw outputs and boxes of one picture for a last layer alone.

    Attributes:
      size: (height, width), pixels; cells have `stride` pixels a side.
      boxes: xyxy pixels; labels: of `classes`.
      per_cell: boxes that a cell predicts.
      raw: (cells, per_cell, 5 + classes): box, objectness, classes; YOLO v1's classes
        are those of the first box.
    """

    size: tuple
    stride: int
    boxes: list
    labels: list
    per_cell: int
    raw: np.ndarray
    classes: int = 3

    @property
    def has_priors(self):
        return self.per_cell == len(ANCHORS_OF_CASES)

    @property
    def grid(self):
        return self.size[0] // self.stride, self.size[1] // self.stride


ANCHORS_OF_CASES = ANCHORS["coco"]
# Two in one cell and of one shape; one larger than the picture's part that it leaves;
# one that is all of it; a small one; one that touches the right side.
_BOXES = [
    [40, 36, 60, 62],
    [42, 34, 63, 60],
    [0, 0, 160, 128],
    [70, 10, 75, 14],
    [100, 20, 160, 120],
    [8, 64, 90, 127],
]
_LABELS = [0, 1, 2, 0, 1, 2]


def _v2(boxes, labels, seed):
    random = np.random.default_rng(seed)
    raw = random.normal(0, 1, (20, len(ANCHORS_OF_CASES), 8)).astype("float32")
    return Loss((128, 160), 32, boxes, labels, len(ANCHORS_OF_CASES), raw)


def _v1(boxes, labels, per_cell, seed):
    random = np.random.default_rng(seed)
    raw = random.normal(0.4, 0.4, (16, per_cell, 8)).astype("float32")
    return Loss((128, 128), 32, boxes, labels, per_cell, raw)


def _many(seed, width, height, count):
    random = np.random.default_rng(seed)
    sizes = random.uniform(4, 100, (count, 2))
    corners = random.uniform(0, (width, height), (count, 2))
    boxes = np.concatenate([corners - sizes / 2, corners + sizes / 2], axis=-1)
    boxes = np.clip(boxes, 0, (width, height, width, height)).astype("float32")
    return boxes.tolist(), random.integers(0, 3, count).tolist()


def _inside(boxes):
    return [[min(value, 128) for value in box] for box in boxes]


LOSSES = {
    "v2_few": _v2(_BOXES, _LABELS, 0),
    "v2_many": _v2(*_many(1, 160, 128, 30), 1),  # Darknet stops at 30
    "v2_none": _v2([], [], 2),
    "v1_few": _v1(_inside(_BOXES), _LABELS, 2, 3),
    "v1_three": _v1(*_many(4, 128, 128, 40), 3, 4),
    "v1_none": _v1([], [], 2, 5),
}
