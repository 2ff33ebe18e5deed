"""Anchors: the boxes that a dense detector starts from, on a grid for each level.

NumPy alone: anchors follow from the size of the picture, so they are constants of the
graph. (A constant of the framework would become an input when exported to ONNX.)
"""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Anchors:
    """The same shapes at every position of every level.

    Args:
      strides: pixels between positions, one int a level.
      shapes: one tuple of (width, height) pairs a level, pixels. Any set.
      offset: where in its cell an anchor's centre lies, 0.5 is the middle.
      stretch: whether the cells of a level are as large as it takes to fill the
        picture, (width / columns, height / rows), where else they are its stride.

    `anchors(height, width)` gives boxes (N, 4), xyxy pixels, float32, in the order
    level, row, column, shape. A level has ceil(height / stride) rows, as a network
    of padded convolutions has; anchors may reach out of the picture.
    """

    strides: tuple
    shapes: tuple
    offset: float = 0.5
    stretch: bool = False

    def __post_init__(self):
        strides = tuple(int(stride) for stride in self.strides)
        shapes = tuple(
            tuple((float(width), float(height)) for width, height in level)
            for level in self.shapes
        )
        if len(strides) != len(shapes):
            raise ValueError(f"{len(strides)} strides but {len(shapes)} sets of shapes")
        if not strides or min(strides) < 1:
            raise ValueError(f"strides are whole pixels from 1 up, not {strides}")
        if not all(level and np.min(level) > 0 for level in shapes):
            raise ValueError(
                f"every level needs (width, height) pairs above 0, not {shapes}"
            )
        object.__setattr__(self, "strides", strides)
        object.__setattr__(self, "shapes", shapes)

    def __call__(self, height, width):
        levels = []
        for stride, shapes in zip(self.strides, self.shapes):
            rows, columns = self._grid(stride, height, width)
            cell = (stride, stride)
            if self.stretch:
                cell = (width / columns, height / rows)
            levels.append(_level((rows, columns), cell, shapes, self.offset))
        return np.concatenate(levels)

    @property
    def per_position(self):
        """How many shapes, one int a level."""
        return tuple(len(level) for level in self.shapes)

    def counts(self, height, width):
        """How many anchors, one int a level; their sum is N."""
        grids = [self._grid(stride, height, width) for stride in self.strides]
        return tuple(
            rows * columns * shapes
            for (rows, columns), shapes in zip(grids, self.per_position)
        )

    def to_dict(self):
        """Plain lists and numbers, for JSON; `Anchors(**...)` is the way back."""
        return dataclasses.asdict(self)

    @staticmethod
    def _grid(stride, height, width):
        return -(-height // stride), -(-width // stride)


def anchor_shapes(size, scales=(1.0,), ratios=(1.0,)):
    """((width, height), ...) of area (size * scale)**2 for each ratio and scale.

    A ratio is height / width. Order: ratios outside, scales inside (torchvision's).
    """
    return tuple(
        (size * scale / ratio**0.5, size * scale * ratio**0.5)
        for ratio in ratios
        for scale in scales
    )


def retinanet_anchors(scale=4.0):
    """P3 to P7, nine shapes a position.

    Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002, section 4. `scale` is the
    side of a level's smallest square in strides of the level; the paper's 4 is for
    pictures of 600 to 800 pixels, small pictures want less.
    """
    strides, ratios = (8, 16, 32, 64, 128), (0.5, 1.0, 2.0)
    scales = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
    shapes = [anchor_shapes(scale * stride, scales, ratios) for stride in strides]
    return Anchors(strides, tuple(shapes))


def torchvision_anchors():
    """torchvision's for RetinaNet; its published weights were trained with them.

    They differ from the paper's: sizes are cut to whole pixels, half sides rounded,
    and centres lie on the left top corner of a cell. Equal to torchvision's where the
    sides of the picture are multiples of 128; elsewhere torchvision stretches the
    stride of a level to (side // cells), which this does not.
    """
    strides = (8, 16, 32, 64, 128)
    sizes = [[int(4 * s * 2 ** (i / 3)) for i in range(3)] for s in strides]
    return Anchors(strides, tuple(map(_rounded_shapes, sizes)), offset=0.0)


def _rounded_shapes(sizes):
    # float32 as torchvision, so that a half rounds to the same side.
    ratios = np.sqrt(np.asarray([0.5, 1.0, 2.0], "float32"))[:, None]
    sizes = np.asarray(sizes, "float32")
    widths, heights = sizes * (1 / ratios), sizes * ratios
    pairs = np.stack([widths.ravel(), heights.ravel()], axis=-1)
    return tuple(map(tuple, 2 * np.round(pairs / 2)))


def ssd_anchors(side, strides, scales, ratios, clip=True, stretch=False):
    """SSD's default boxes, two squares and two boxes of each ratio at a position.

    Liu et al., ECCV 2016, https://arxiv.org/abs/1512.02325, section 2.2: level k has a
    square of scale s_k, one of scale sqrt(s_k * s_(k+1)), and for each ratio a wide and
    a tall box of the area of the first.

    Args:
      side: of the picture, pixels.
      scales: shares of `side`, one a level and the one that would follow.
      ratios: numbers above 1, a tuple of them a level.
      clip: no box is wider or higher than `side`, as in all weights for PyTorch; the
        authors' own script leaves them.
      stretch: see `Anchors`.
    """
    if not len(scales) - 1 == len(ratios) == len(strides):
        raise ValueError(
            f"{len(strides)} strides need as many sets of ratios and a scale more, not "
            f"{len(ratios)} and {len(scales)}"
        )
    shapes = []
    for scale, following, level in zip(scales, scales[1:], ratios):
        boxes = [(scale, scale), (math.sqrt(scale * following),) * 2]
        for root in map(math.sqrt, level):
            boxes += [(scale * root, scale / root), (scale / root, scale * root)]
        shapes.append(
            tuple(map(tuple, np.minimum(boxes, 1.0 if clip else np.inf) * side))
        )
    return Anchors(strides, tuple(shapes), stretch=stretch)


def _level(grid, cell, shapes, offset):
    """Anchors of one level, (rows * columns * shapes, 4); `cell` is (width, height)."""
    rows, columns = grid
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    centres = (np.stack([x, y], axis=-1).reshape(-1, 1, 2) + offset) * cell
    halves = np.asarray(shapes)[None] / 2
    corners = np.concatenate([centres - halves, centres + halves], axis=-1)
    return corners.reshape(-1, 4).astype("float32")
