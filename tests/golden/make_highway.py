"""python -m tests.golden.make_highway: the authors' prototxts, read layer by layer.

Their layer, CuDNNHighway, runs on old GPUs only: relu(H) where the gate sigmoid(T) is
open, and its input where it is shut. Needs a checkout of
https://github.com/flukeskywalker/highway-networks at HIGHWAY and what `caffe` needs.
"""

import os
import pathlib

import numpy as np
import torch
from torch.nn import functional

from tests.golden import draw, reference
from tests.golden.make_lenet5 import grey
from tests.golden.reading import Reading

NETWORKS = {
    "highway": "cifar10-19layers/cifar10_network.prototxt",
    "highway_mnist": "mnist-10layers/mnist_network.prototxt",
}


class Highway(Reading):
    """Draws weights by our names: a pooling ends a stage, whose layers are counted."""

    def weighted(self, x, name, filters, size, padding):
        shape = (size, size, x.shape[1], filters)
        kernel = self.weight(f"{name}_conv/kernel", shape).permute(3, 2, 0, 1)
        bias = self.weight(f"{name}_conv/bias", (filters,))
        return functional.conv2d(x, kernel, bias, padding=padding)

    def run(self, layers, x):
        """(logits, {top of a layer: its values})."""
        stage, number, tops = 1, 0, {}
        for layer in layers:
            kind, name = layer["type"][0], layer["name"][0]
            if kind in ("Convolution", "CuDNNHighway"):
                gated = kind == "CuDNNHighway"
                about = layer[f"{'highway_conv' if gated else 'convolution'}_param"][0]
                filters, size = about["num_output"][0], about["kernel_size"][0]
                padding, number = about.get("pad", [0])[0], number + 1
                # In MNIST's network only the first stage has a plain layer.
                number += gated and number == 1
                ours = "head" if size == 1 else f"stage{stage}_{number}"
                y = self.weighted(x, ours, filters, size, padding)
                if gated:
                    gate = self.weighted(x, f"{ours}_gate", filters, size, padding)
                    gate = torch.sigmoid(gate)
                    y = functional.relu(y) * gate + x * (1 - gate)
                x = y
            elif kind == "ReLU":
                x = functional.relu(x)
            elif kind == "Pooling":
                about = layer["pooling_param"][0]
                size, step = about["kernel_size"][0], about["stride"][0]
                if about["pool"][0] == "MAX":
                    x = functional.max_pool2d(x, size, step, ceil_mode=True)
                    stage, number = stage + 1, 0
                else:
                    x = functional.avg_pool2d(x, size, step)
            elif kind == "InnerProduct":
                # Our rows are channels last.
                rows = x.permute(0, 2, 3, 1).flatten(1)
                units = layer["inner_product_param"][0]["num_output"][0]
                kernel = self.weight("logits/kernel", (rows.shape[1], units))
                x = rows @ kernel + self.weight("logits/bias", (units,))
            tops[name] = x
        return x, tops


def make(name, data, levels, size):
    from caffe_ref import parse

    folder = pathlib.Path(os.environ["HIGHWAY"]) / "examples/highways"
    layers = parse((folder / NETWORKS[name]).read_text())["layer"]
    network = Highway()
    logits, tops = network.run(layers, data)
    features = {k: reference.channels_last(tops[top]) for k, top in levels.items()}
    version = f"flukeskywalker/highway-networks, {NETWORKS[name]}"
    reference.write(
        name, version, network.shapes, logits.numpy(), features, size=(size, size)
    )


if __name__ == "__main__":
    with torch.inference_mode():
        pictures = draw.pictures(2, 32, 32)
        pixels = reference.tensor(pictures)
        make("highway", pixels, {"C1": "conv11", "C2": "conv17"}, 32)
        pixels = (grey(draw.pictures(2, 28, 28)) / 256).astype(np.float32)
        pixels = torch.from_numpy(pixels.transpose(0, 3, 1, 2))
        levels = {"C1": "s2-conv3", "C2": "s3-conv3", "C3": "pool3"}
        make("highway_mnist", pixels, levels, 28)
