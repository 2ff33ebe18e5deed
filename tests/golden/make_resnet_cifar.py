"""python -m tests.golden.make_resnet_cifar RESNET.PY: akamaster's CIFAR ResNets.

RESNET.PY is the file of that name in github.com/akamaster/pytorch_resnet_cifar10.
"""

import importlib.util
import sys

import torch
from torch.nn import functional

from tests.golden import draw, reference

# His pooling takes squares alone.
SIZE = (45, 45)
SOURCE = "akamaster/pytorch_resnet_cifar10"


def from_file(path):
    spec = importlib.util.spec_from_file_location("akamaster", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(module, depth):
    network = getattr(module, f"resnet{depth}")()
    model, shapes = reference.with_drawn_weights(network)
    pictures = reference.tensor(draw.pictures(2, *SIZE))
    x = model.layer1(functional.relu(model.bn1(model.conv1(pictures))))
    features = {}
    for level, layer in (("C1", model.layer2), ("C2", model.layer3)):
        x = layer(x)
        features[level] = reference.channels_last(x)
    name = f"resnet{depth}_cifar"
    logits = model(pictures).numpy()
    reference.write(name, SOURCE, shapes, logits, features, size=SIZE)


if __name__ == "__main__":
    with torch.inference_mode():
        for layers in (20, 32, 44, 56, 110):
            make(from_file(sys.argv[1]), layers)
