"""Layers for networks that a make script writes out by hand from the authors' code."""

import torch
from torch.nn import functional

from tests.golden import draw


class Reading:
    """Functions of (B, C, H, W) whose weights are drawn, by our names, when called.

    `shapes` is what `reference.write` wants: {name: shape} of all that were drawn.
    """

    def __init__(self):
        self.shapes = {}

    def weight(self, name, shape):
        self.shapes[name] = shape
        return torch.from_numpy(draw.weights({name: shape})[name])

    def conv(self, x, filters, size, stride, name):
        shape = (size, size, x.shape[1], filters)
        kernel = self.weight(f"{name}_conv/kernel", shape).permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, stride=stride, padding=size // 2)

    def activate(self, x, name):
        """Batch norm and ReLU."""
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        weights = [self.weight(f"{name}_bn/{n}", (x.shape[1],)) for n in names]
        return functional.relu(functional.batch_norm(x, *weights, eps=1e-5))

    def logits(self, x, classes):
        """The linear layer on the mean over positions."""
        kernel = self.weight("logits/kernel", (x.shape[1], classes))
        return x.mean((2, 3)) @ kernel + self.weight("logits/bias", (classes,))
