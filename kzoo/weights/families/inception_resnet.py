"""Inception-ResNet: timm's names, FaceNet's for PyTorch, and keras.applications'."""

import re

import numpy as np

from kzoo.models import branches
from kzoo.models.classification.inception_resnet import STEM, V2
from kzoo.weights.layout import Layout, from_keras, from_torch, has
from kzoo.weights.numbered import convolutions, in_order, with_gamma
from kzoo.weights.published import Published, sha256_of

_STEM = ("1a", "2a", "2b", "3b", "4a", "4b")
# (list of blocks, its name here); the block at the end has its number there.
_V1 = {"repeat_1": "block35", "repeat_2": "block17", "repeat_3": "block8"}
_V2 = {"repeat": "block35", "repeat_1": "block17", "repeat_2": "block8"}
_COUNTS = {"block35": 10, "block17": 20, "block8": 10}


def torch_names(repeats, last, ends):
    """The function of layers' names of a PyTorch port: 'repeat.0.branch1.1.conv' ->
    'block35_1_branch2_2_conv'."""

    def rename(layer):
        found = re.fullmatch(r"conv2d_(\d\w)\.(conv|bn)", layer)
        if found:
            place, kind = found.groups()
            name = "mixed7b" if place == "7b" else f"stem_{_STEM.index(place) + 1}"
            return f"{name}_{kind}"
        pattern = (
            r"(?:mixed_(\d\w)|(repeat(?:_\d)?)\.(\d+)|(block8))\."
            r"(?:conv2d|branch(\d)(?:\.(\d))?\.(conv|bn))"
        )
        found = re.fullmatch(pattern, layer)
        if not found:
            return ends.get(layer)
        module, repeat, number, _, branch, step, kind = found.groups()
        if module:
            name = f"mixed{module}"
        else:
            name = f"{repeats[repeat]}_{int(number) + 1}" if repeat else last
        if branch is None:
            return f"{name}_up_conv"
        return f"{name}_branch{int(branch) + 1}_{int(step or 0) + 1}_{kind}"

    return rename


def without_background(arrays):
    """Cadene's files have 1001 classes, as TF-slim: the first is for background."""
    if len(arrays.get("logits/bias", ())) == 1001:
        arrays["logits/kernel"] = arrays["logits/kernel"][:, 1:]
        arrays["logits/bias"] = arrays["logits/bias"][1:]
    return arrays


timm = torch_names(_V2, "block8_10", {"classif": "logits", "last_linear": "logits"})
facenet = torch_names(
    _V1,
    "block8_6",
    {
        "last_linear": "head_embedding",
        "last_bn": "head_embedding_bn",
        "logits": "logits",
    },
)


def facenet_arrays(arrays):
    """FaceNet divides pixels by 128 where ours, as slim's, are divided by 127.5."""
    converted = from_torch(facenet)(arrays)
    name = "stem_1_conv/kernel"
    converted[name] = converted[name] * np.float32(127.5 / 128)
    return converted


def keras_order():
    """Our convolutions in the order in which Keras makes those that it numbers."""
    found = [f"stem_{i}" for i in range(1, len(STEM) + 1)]
    for name, module in V2.items():
        count = _COUNTS.get(name)
        names = [f"{name}_{i + 1}" for i in range(count)] if count else [name]
        for place in names:
            found += branches.names(module, place)
    return found


def keras_applications(layer):
    """'block35_1_conv' -> 'block35_1_up_conv'."""
    ends = {
        "conv_7b": "mixed7b_conv",
        "conv_7b_bn": "mixed7b_bn",
        "predictions": "logits",
    }
    found = re.fullmatch(r"(block\d+_\d+)_conv", layer)
    return f"{found[1]}_up_conv" if found else ends.get(layer)


def keras_arrays(arrays):
    """Keras' file has names for few convolutions, and no gamma, which is 1."""
    numbers = in_order(arrays, keras_order())
    rename = from_keras(lambda layer: numbers.get(layer) or keras_applications(layer))
    return with_gamma(rename(arrays))


def is_keras(names):
    has_blocks = {"block35_1_conv/kernel", "conv_7b/kernel"} <= set(names)
    return has_blocks and len(convolutions(names)) == len(keras_order())


LAYOUTS = (
    Layout(
        "timm Inception-ResNet v2",
        ("inception_resnet_v2",),
        has("repeat.0.branch2.2.conv.weight", "conv2d_7b.bn.running_mean"),
        lambda arrays: without_background(from_torch(timm)(arrays)),
    ),
    Layout(
        "FaceNet Inception-ResNet v1",
        ("inception_resnet_v1",),
        has("repeat_3.0.branch1.2.conv.weight", "conv2d_4b.bn.running_mean"),
        facenet_arrays,
    ),
    Layout(
        "FaceNet's names without its end",
        ("inception_resnet_v1_paper",),
        lambda names: has("repeat_3.0.branch1.2.conv.weight")(names)
        and not has("block8.conv2d.weight")(names),
        facenet_arrays,
    ),
    Layout(
        "keras.applications InceptionResNetV2",
        ("inception_resnet_v2",),
        is_keras,
        keras_arrays,
    ),
)

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
_CADENE = "inceptionresnetv2-520b38e4.pth"
_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
PUBLISHED = (
    Published(
        "imagenet",
        "inception_resnet_v2",
        f"{_KERAS}inception_resnet_v2/"
        "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        "md5:e693bd0210a403b3192acc6073ad2e96",
        "Apache-2.0",
        "80.3 / 95.3",
    ),
    *(
        Published(
            name,
            "inception_resnet_v2",
            f"hf://timm/inception_resnet_v2.{name}/model.safetensors",
            "",
            "Apache-2.0",
            score,
        )
        for name, score in (
            ("tf_in1k", "80.434 / 95.312"),
            ("tf_ens_adv_in1k", "79.998 / 94.940"),
        )
    ),
    Published(
        "cadene",
        "inception_resnet_v2",
        f"http://data.lip6.fr/cadene/pretrainedmodels/{_CADENE}",
        sha256_of(_CADENE),
        "none stated",
        "80.170 / 95.234",
    ),
    *(
        Published(
            name,
            "inception_resnet_v1",
            f"{_FACENET}{file}",
            "",
            "MIT",
            score,
            classes=name,
        )
        for name, file, score in (
            ("vggface2", "20180402-114759-vggface2.pt", "LFW 99.65"),
            ("casia-webface", "20180408-102900-casia-webface.pt", "LFW 99.05"),
        )
    ),
)
