"""python -m tests.golden.make_lenet5: the original read slowly, csinva's and Caffe's.

Needs csinva/gan-vae-pretrained-pytorch's mnist_classifier in the folder CSINVA, a
checkout of BVLC/caffe at CAFFE, and what `caffe` needs.
"""

import os
import pathlib
import runpy

import numpy as np
import torch

from tests.golden import caffe, draw, reference

# The paper's table I, map by map of C3, as it is printed: an X where S2's map is seen.
TABLE = (
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
)


def grey(pictures):
    return (pictures.astype("float64") @ (0.299, 0.587, 0.114))[..., None]


def squash(x):
    return 1.7159 * np.tanh(2 / 3 * x)


def slow_conv(x, see):
    """5x5 windows of (B, H, W, C); `see` gives a map of windows (B, h, w, 25 * C)."""
    height, width = x.shape[1] - 4, x.shape[2] - 4
    result = []
    for i in range(height):
        rows = [see(x[:, i : i + 5, j : j + 5]) for j in range(width)]
        result.append(np.stack(rows, axis=1))
    return np.stack(result, axis=1)


def full(kernel, bias):
    return lambda window: np.einsum("bhwc,hwcf->bf", window, kernel) + bias


def partial(kernel, bias):
    """Each map's own kernels, in order, from those that its column of TABLE marks."""

    def see(window):
        maps, used = [], 0
        for column in range(16):
            total = bias[column] + np.zeros(len(window))
            for row in range(6):
                if TABLE[row][column] == "X":
                    product = window[..., row] * kernel[..., used]
                    total += product.sum(axis=(1, 2))
                    used += 1
            maps.append(total)
        assert used == kernel.shape[-1]
        return np.stack(maps, axis=-1)

    return see


def slow_sub_sample(x, coefficient, bias):
    total = x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]
    return squash(total * coefficient + bias)


def original():
    from kzoo.models.classification.lenet5 import DIGITS

    shapes = {
        "c1_conv/kernel": (5, 5, 1, 6),
        "c1_conv/bias": (6,),
        "s2_subsampling/kernel": (6,),
        "s2_subsampling/bias": (6,),
        "c3_conv/kernel": (5, 5, 60),
        "c3_conv/bias": (16,),
        "s4_subsampling/kernel": (16,),
        "s4_subsampling/bias": (16,),
        "head_c5_conv/kernel": (5, 5, 16, 120),
        "head_c5_conv/bias": (120,),
        "head_f6/kernel": (120, 84),
        "head_f6/bias": (84,),
    }
    weights = {k: x.astype("float64") for k, x in draw.weights(shapes).items()}

    def pair(layer):
        return weights[f"{layer}/kernel"], weights[f"{layer}/bias"]

    x = grey(draw.pictures(2, 32, 32)) / 255 * 1.275 - 0.1
    x = squash(slow_conv(x, full(*pair("c1_conv"))))
    x = slow_sub_sample(x, *pair("s2_subsampling"))
    x = squash(slow_conv(x, partial(*pair("c3_conv"))))
    features = {"C1": x}
    x = features["C2"] = slow_sub_sample(x, *pair("s4_subsampling"))
    x = squash(slow_conv(x, full(*pair("head_c5_conv"))))[:, 0, 0]
    kernel, bias = pair("head_f6")
    x = squash(x @ kernel + bias)
    logits = np.empty((2, 10))
    for picture in range(2):
        for digit in range(10):
            code = "".join(row.split()[digit] for row in DIGITS)
            signs = np.array([1 if c == "X" else -1 for c in code])
            logits[picture, digit] = -np.sum((x[picture] - signs) ** 2)
    version = "a slow reading of LeCun et al. 1998, section II"
    reference.write("lenet5", version, shapes, logits, features, size=(32, 32))


def modern():
    path = pathlib.Path(os.environ["CSINVA"]) / "lenet.py"
    model = runpy.run_path(str(path))["LeNet5"]()
    model, shapes = reference.with_drawn_weights(model)
    pixels = (grey(draw.pictures(2, 32, 32)) / 255).astype("float32")
    x = torch.from_numpy(pixels.transpose(0, 3, 1, 2))
    features = {}
    for name, layer in model.convnet.named_children():
        x = torch.relu(x) if "relu" in name else layer(x)
        if name in ("relu3", "s4"):
            level = "C1" if name == "relu3" else "C2"
            features[level] = reference.channels_last(x)
    # Without its logarithm of the softmax.
    logits = model.fc[:-1](x.flatten(1)).numpy()
    version = "csinva/gan-vae-pretrained-pytorch, mnist_classifier/lenet.py"
    name = "lenet5_modern"
    reference.write(name, version, shapes, logits, features, size=(32, 32))


def from_caffe():
    folder = pathlib.Path(os.environ["CAFFE"]) / "examples/mnist"
    text = (folder / "lenet.prototxt").read_text()
    pixels = (grey(draw.pictures(2, 28, 28)) / 256).astype("float32")
    data = torch.from_numpy(pixels.transpose(0, 3, 1, 2))
    shapes, blobs = caffe.run(text, data)
    features = {"C1": blobs["conv2"], "C2": blobs["pool2"]}
    features = {k: reference.channels_last(x) for k, x in features.items()}
    version = "BVLC/caffe 9b89154, examples/mnist/lenet.prototxt"
    logits = blobs["ip2"].numpy()
    reference.write("lenet5_caffe", version, shapes, logits, features, size=(28, 28))


if __name__ == "__main__":
    original()
    with torch.inference_mode():
        modern()
        from_caffe()
