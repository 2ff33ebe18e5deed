"""SqueezeNet: the names of the authors' Caffe files, ncnn's and torchvision's."""

import re

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of

# torchvision counts convolution, ReLU and poolings too: where fire2 .. fire9 are.
_PLACES_1_0 = (3, 4, 5, 7, 8, 9, 10, 12)
_PLACES_1_1 = (3, 4, 6, 7, 9, 10, 11, 12)
_CAFFE_ENDS = {"conv1": "stem", "conv10": "logits"}
# Caffe numbers a layer's arrays, ncnn's files here name them.
_VARIABLES = {"0": "kernel", "w": "kernel", "1": "bias", "b": "bias"}


def caffe(arrays):
    """'fire2/squeeze1x1/0', or 'fire2/squeeze1x1:w', -> 'fire2_squeeze_conv/kernel'."""
    converted = {}
    for name, array in arrays.items():
        layer, variable = name[:-2], _VARIABLES.get(name[-1:])
        ours = _CAFFE_ENDS.get(layer) or re.sub(
            "squeeze1x1$", "squeeze", layer.replace("/", "_")
        )
        if variable == "kernel":
            array = array.transpose(2, 3, 1, 0)
        converted[f"{ours}_conv/{variable}"] = array
    return converted


def torchvision(places):
    """The function of names: 'features.3.expand3x3' -> 'fire2_expand3x3_conv'."""

    def rename(layer):
        ends = {"features.0": "stem_conv", "classifier.1": "logits_conv"}
        found = re.fullmatch(r"features\.(\d+)\.(\w+)", layer)
        if not found or int(found[1]) not in places:
            return ends.get(layer)
        return f"fire{places.index(int(found[1])) + 2}_{found[2]}_conv"

    return rename


LAYOUTS = (
    Layout(
        "Caffe SqueezeNet",
        ("squeezenet1_0", "squeezenet1_1"),
        has("conv10/0", "fire9/expand3x3/1"),
        caffe,
    ),
    Layout(
        "ncnn SqueezeNet",
        ("squeezenet1_0", "squeezenet1_1"),
        has("conv10:w", "fire9/expand3x3:b"),
        caffe,
    ),
    Layout(
        "torchvision SqueezeNet 1.0",
        ("squeezenet1_0_torchvision",),
        has("features.5.squeeze.weight", "features.12.expand3x3.bias"),
        from_torch(torchvision(_PLACES_1_0)),
    ),
    Layout(
        "torchvision SqueezeNet 1.1",
        ("squeezenet1_1_torchvision",),
        has("features.6.squeeze.weight", "features.12.expand3x3.bias"),
        from_torch(torchvision(_PLACES_1_1)),
    ),
)

_CAFFE = "https://github.com/forresti/SqueezeNet/raw/master/"
_PYTORCH = "https://download.pytorch.org/models/"
_CAFFE_PUBLISHED = (
    ("1_0", "SqueezeNet_v1.0/squeezenet_v1.0.caffemodel", "57.5 / 80.3"),
    ("1_1", "SqueezeNet_v1.1/squeezenet_v1.1.caffemodel", "top-5 80.3 at least"),
)
_PYTORCH_PUBLISHED = (
    ("1_0", "squeezenet1_0-b66bff10.pth", "58.092 / 80.420"),
    ("1_1", "squeezenet1_1-b8a52dc0.pth", "58.178 / 80.624"),
)
PUBLISHED = (
    *(
        Published("imagenet", f"squeezenet{version}", _CAFFE + file, "", "BSD-2", score)
        for version, file, score in _CAFFE_PUBLISHED
    ),
    *(
        Published(
            "imagenet",
            f"squeezenet{version}_torchvision",
            _PYTORCH + file,
            sha256_of(file),
            "BSD-3",
            score,
        )
        for version, file, score in _PYTORCH_PUBLISHED
    ),
)
