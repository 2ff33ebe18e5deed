"""What the scripts that run Caffe's prototxts share: narrowed, with drawn weights.

They need caffe_ref.py, which runs a prototxt in torch, on the path.
"""

import pathlib
import re
import tempfile

import numpy as np
import torch

from tests.golden import draw

MEAN_BGR = (104, 117, 123)


def narrowed(text, width, classes):
    """A prototxt with all channels but those of the classes times `width`."""

    def narrow(found):
        count = int(found[1])
        return f"num_output: {count if count == classes else round(count * width)}"

    return re.sub(r"num_output: *(\d+)", narrow, text)


def bgr(pictures):
    """Pictures as Caffe's ImageNet networks want them, (B, 3, H, W)."""
    pixels = pictures[..., ::-1].astype("float32") - np.float32(MEAN_BGR)
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())


def run(text, data, ours=None, positions=None):
    """({name of a weight: shape}, {blob: (B, C, H, W)}) of a network's text.

    Weights are drawn by Caffe's names, "conv1/0"; or by ours, with our shapes, where
    `ours` is {Caffe's layer: ours}. Then `positions` is {layer after flattening:
    (h, w)}, whose rows differ in order.
    """
    from caffe_ref import Net

    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(text)
        file.flush()
        net = Net(pathlib.Path(file.name))
    net.run(data=data)  # It makes its arrays where it meets their layers.
    shapes = {}
    for layer, arrays in net.W.items():
        for number, array in enumerate(arrays):
            shape = tuple(array.shape)
            if ours is None:
                name = f"{layer}/{number}"
                shapes[name], order = shape, None
            else:
                name = f"{ours[layer]}/{('kernel', 'bias')[number]}"
                order = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[len(shape)]
                shapes[name] = tuple(shape[axis] for axis in order)
            drawn = draw.weights({name: shapes[name]})[name]
            if layer in (positions or {}) and drawn.ndim == 2:
                units = drawn.shape[1]
                drawn = drawn.reshape((*positions[layer], -1, units))
                drawn = drawn.transpose(2, 0, 1, 3).reshape(-1, units)
            if order:
                drawn = drawn.transpose(np.argsort(order))
            net.W[layer][number] = torch.from_numpy(drawn.copy())
    return shapes, net.run(data=data)
