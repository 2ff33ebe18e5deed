"""VGG: torchvision's names, timm's, Keras' and those of the authors' caffemodels."""

import re

from kzoo.weights.layout import (
    Layout,
    channels_last_rows,
    from_caffe,
    from_keras,
    from_torch,
    has,
)
from kzoo.weights.published import Published, sha256_of

# Convolutions of each stage: the paper's table 1.
_DEPTHS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_HEAD = {
    "classifier.0": "head_fc6",
    "classifier.3": "head_fc7",
    "classifier.6": "logits",
    # timm's are convolutions.
    "pre_logits.fc1": "head_fc6",
    "pre_logits.fc2": "head_fc7",
    "head.fc": "logits",
}


def features(depths, normalized):
    """{place in torchvision's `features`: layer}, counting ReLUs and poolings too."""
    found, place = {}, 0
    for stage, depth in enumerate(depths, start=1):
        for i in range(1, depth + 1):
            found[place] = f"stage{stage}_{i}_conv"
            if normalized:
                found[place + 1] = f"stage{stage}_{i}_bn"
            place += 3 if normalized else 2
        place += 1
    return found


def torchvision(depths, normalized):
    """The arrays' converter of one network."""
    places = {f"features.{k}": v for k, v in features(depths, normalized).items()}
    names = places | _HEAD

    def convert(arrays):
        # timm's as matrices: 1x1, and 7x7 over all that there is.
        flat = {
            name: (
                array.reshape(len(array), -1)
                if name.startswith("pre_logits") and array.ndim == 4
                else array
            )
            for name, array in arrays.items()
        }
        return with_rows(from_torch(names.get)(flat))

    return convert


def with_rows(converted):
    """The rows of fc6 in our order, where the file has an fc6."""
    name = "head_fc6/kernel"
    if name in converted:
        converted[name] = channels_last_rows(converted[name], 7, 7)
    return converted


def has_places(places):
    """True where exactly these places of `features` have weights."""

    def marks(names):
        inside = [name for name in names if name.startswith("features.")]
        found = [re.fullmatch(r"features\.(\d+)\.\w+", name) for name in inside]
        return bool(inside) and all(found) and {int(x[1]) for x in found} == set(places)

    return marks


def keras_applications(layer):
    """'block1_conv2' -> 'stage1_2_conv'."""
    ends = {"fc1": "head_fc6", "fc2": "head_fc7", "predictions": "logits"}
    found = re.fullmatch(r"block(\d)_conv(\d)", layer)
    return f"stage{found[1]}_{found[2]}_conv" if found else ends.get(layer)


def caffe(layer):
    """'conv1_2' -> 'stage1_2_conv'."""
    ends = {"fc6": "head_fc6", "fc7": "head_fc7", "fc8": "logits"}
    found = re.fullmatch(r"conv(\d)_(\d)", layer)
    return f"stage{found[1]}_{found[2]}_conv" if found else ends.get(layer)


def torchvision_layout(name, normalized):
    builder = f"{name}_bn" if normalized else name
    if builder in ("vgg16", "vgg19"):
        builder += "_torchvision"
    return Layout(
        f"torchvision {name.upper()}{' with batch norms' if normalized else ''}",
        (builder,),
        has_places(features(_DEPTHS[name], normalized)),
        torchvision(_DEPTHS[name], normalized),
    )


LAYOUTS = (
    *(torchvision_layout(name, bn) for name in _DEPTHS for bn in (False, True)),
    Layout(
        "keras.applications VGG",
        ("vgg16", "vgg19"),
        has("block1_conv1/kernel", "block5_conv3/kernel"),
        from_keras(keras_applications),
    ),
    Layout(
        "Caffe VGG",
        ("vgg16", "vgg19"),
        has("conv1_1/0", "conv5_3/0"),
        lambda arrays: with_rows(from_caffe(caffe)(arrays)),
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
_AUTHORS = "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/"
_TORCHVISION = (
    ("vgg11", "vgg11-8a719046.pth", "69.020 / 88.628"),
    ("vgg11_bn", "vgg11_bn-6002323d.pth", "70.370 / 89.810"),
    ("vgg13", "vgg13-19584684.pth", "69.928 / 89.246"),
    ("vgg13_bn", "vgg13_bn-abd245e5.pth", "71.586 / 90.374"),
    ("vgg16_torchvision", "vgg16-397923af.pth", "71.592 / 90.382"),
    ("vgg16_bn", "vgg16_bn-6c64b313.pth", "73.360 / 91.516"),
    ("vgg19_torchvision", "vgg19-dcbb9e9d.pth", "72.376 / 90.876"),
    ("vgg19_bn", "vgg19_bn-c79401a0.pth", "74.218 / 91.842"),
)
_KERAS_PUBLISHED = (
    ("vgg16", "64373286793e3c8b2b4e3219cbf3544b", "71.3 / 90.1"),
    ("vgg19", "cbe5617147190e668d6c5d5026f83318", "71.3 / 90.0"),
)
PUBLISHED = (
    *(
        Published("imagenet", name, _PYTORCH + file, sha256_of(file), "BSD-3", score)
        for name, file, score in _TORCHVISION
    ),
    # The same numbers on another host, as safetensors.
    *(
        Published(
            "tv_in1k",
            name,
            f"hf://timm/{name.removesuffix('_torchvision')}.tv_in1k/model.safetensors",
            "",
            "BSD-3",
            score,
        )
        for name, _, score in _TORCHVISION
    ),
    *(
        Published(
            "imagenet",
            name,
            f"{_KERAS}{name}/{name}_weights_tf_dim_ordering_tf_kernels.h5",
            f"md5:{md5}",
            "CC-BY-4.0",
            score,
        )
        for name, md5, score in _KERAS_PUBLISHED
    ),
    *(
        Published(
            "imagenet_caffe",
            name,
            f"{_AUTHORS}{file}",
            "",
            "CC-BY-4.0",
            f"{score} (dense, S=256)",
        )
        for name, file, score in (
            ("vgg16", "VGG_ILSVRC_16_layers.caffemodel", "73.0 / 91.2"),
            ("vgg19", "VGG_ILSVRC_19_layers.caffemodel", "72.7 / 91.0"),
        )
    ),
)
