"""python -m tests.golden.make_squeezenet: the authors' Caffe files, and torchvision's.

Needs the two deploy.prototxt of https://github.com/forresti/SqueezeNet as
squeezenet1_0.prototxt and squeezenet1_1.prototxt in the folder SQUEEZENET, and
caffe_ref.py, which runs them in torch, on the path.
"""

import os
import pathlib

import numpy as np
import torch
import torchvision

from tests.golden import draw, reference

MEAN_BGR = (104, 117, 123)
# The last layer before a pooling or the head.
CAFFE_LEVELS = {
    "squeezenet1_0": ("conv1", "fire4/concat", "fire8/concat", "fire9/concat"),
    "squeezenet1_1": ("conv1", "fire3/concat", "fire5/concat", "fire9/concat"),
}
TORCHVISION_LEVELS = {"squeezenet1_0": (1, 5, 10, 12), "squeezenet1_1": (1, 4, 7, 12)}


def from_caffe(name):
    from caffe_ref import Net

    folder = pathlib.Path(os.environ["SQUEEZENET"])
    net = Net(folder / f"{name}.prototxt")
    pixels = draw.pictures(*draw.ODD)[..., ::-1] - np.float32(MEAN_BGR)
    data = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    net(data=data)  # It makes its arrays where it meets their layers.
    shapes = {
        f"{layer}/{number}": tuple(array.shape)
        for layer, arrays in net.W.items()
        for number, array in enumerate(arrays)
    }
    for key, array in draw.weights(shapes).items():
        layer, _, number = key.rpartition("/")
        net.W[layer][int(number)] = torch.from_numpy(array)
    blobs = net(data=data)
    features = {
        f"C{level}": reference.channels_last(blobs[blob])
        for level, blob in enumerate(CAFFE_LEVELS[name], start=1)
    }
    version = f"forresti/SqueezeNet 51147dc, deploy.prototxt of {name}"
    logits = blobs["pool10"].flatten(1).numpy()
    reference.write(name, version, shapes, logits, features)


def from_torchvision(name):
    model, shapes = reference.with_drawn_weights(getattr(torchvision.models, name)())
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    levels = []
    for number, layer in enumerate(model.features):
        x = layer(x)
        if number in TORCHVISION_LEVELS[name]:
            levels.append(reference.channels_last(x))
    features = {f"C{level}": x for level, x in enumerate(levels, start=1)}
    version = f"torchvision {torchvision.__version__} {name}"
    logits = model(pictures).numpy()
    reference.write(f"{name}_torchvision", version, shapes, logits, features)


if __name__ == "__main__":
    with torch.inference_mode():
        for network in CAFFE_LEVELS:
            from_caffe(network)
            from_torchvision(network)
