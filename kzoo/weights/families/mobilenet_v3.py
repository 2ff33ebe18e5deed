"""MobileNetV3: torchvision's names, Keras' and timm's."""

import re

from kzoo.weights.families import mobilenet_v1, mobilenet_v2
from kzoo.weights.layout import PAIR, Layout, from_keras, from_torch, has
from kzoo.weights.published import Published, sha256_of

# Blocks of tables 1 and 2 in each of timm's stages.
_LARGE = (1, 2, 3, 4, 2, 3)
_SMALL = (1, 2, 3, 2, 3)
# timm's own have 1e-5 in their batch norms, torchvision's, Keras' and ours 1e-3.
_EXTRA_EPSILON = 1e-5 - 1e-3


def torchvision(layer):
    """'features.2.block.1.0' -> 'block2_depthwise_conv'."""
    ends = {"classifier.0": "head_dense", "classifier.3": "logits"}
    found = re.fullmatch(r"features\.(\d+)\.([01])", layer)
    if found:
        return f"{'stem' if found[1] == '0' else 'head'}_{PAIR[found[2]]}"
    found = re.fullmatch(r"features\.(\d+)\.block\.(\d)\.(?:([01])|fc([12]))", layer)
    if not found:
        return ends.get(layer)
    block, step, kind, squeeze = found.groups()
    if squeeze:
        return f"block{block}_se_{squeeze}_conv"
    # The first block does not expand; what comes last, behind what squeezes, projects.
    parts = ["depthwise"] if block == "1" else ["expand", "depthwise"]
    part = dict(enumerate(parts)).get(int(step), "project")
    return f"block{block}_{part}_{PAIR[kind]}"


def keras_applications(layer):
    """'expanded_conv_1_expand_bn', or 'expanded_conv_1/expand/BatchNorm' as files
    older than Keras 3 have it, -> 'block2_expand_bn'."""
    layer = _flat(layer)
    ends = {
        "conv": "stem_conv",
        "conv_bn": "stem_bn",
        "conv_1": "head_conv",
        "conv_1_bn": "head_bn",
        "conv_2": "head_dense",
        "logits": "logits",
    }
    found = re.fullmatch(
        r"expanded_conv_(?:(\d+)_)?"
        r"(?:squeeze_excite_conv(_1)?|(expand|depthwise|project)(_bn)?)",
        layer,
    )
    if not found:
        return ends.get(layer)
    number, second, part, norm = found.groups()
    block = f"block{int(number or 0) + 1}"
    if part is None:
        return f"{block}_se_{'2' if second else '1'}_conv"
    return f"{block}_{part}_{'bn' if norm else 'conv'}"


def _flat(layer):
    return layer.replace("/", "_").replace("BatchNorm", "bn").lower()


def timm(depths):
    """The function of names: 'blocks.6.0.bn1' -> 'head_bn'."""
    in_blocks = mobilenet_v2.timm(depths)

    def rename(layer):
        ends = {
            "conv_head": "head_dense",
            f"blocks.{len(depths)}.0.conv": "head_conv",
            f"blocks.{len(depths)}.0.bn1": "head_bn",
        }
        return ends.get(layer) or in_blocks(layer)

    return rename


def timm_arrays(depths, extra_epsilon=0.0):
    """The function from timm's arrays, whose epsilon is larger by that, to ours."""
    convert = mobilenet_v1.matrices(from_torch(timm(depths)), "head_dense")

    def converted(arrays):
        ours = convert(arrays)
        for name in ours:
            if name.endswith("/moving_variance"):
                ours[name] = ours[name] + extra_epsilon
        return ours

    return converted


def _is_keras(size):
    """Whether names are those of Keras' network of so many blocks."""
    last = {f"expanded_conv_{size - 1}_project_bn_gamma", "conv_2_kernel"}
    next_block = f"expanded_conv_{size}_project_bn_gamma"

    def marks(names):
        flat = {_flat(name) for name in names}
        return last <= flat and next_block not in flat

    return marks


LAYOUTS = (
    Layout(
        "torchvision MobileNetV3 large",
        ("mobilenet_v3_large_torchvision",),
        has("features.16.0.weight", "features.15.block.2.fc1.weight"),
        from_torch(torchvision),
    ),
    Layout(
        "torchvision MobileNetV3 small",
        ("mobilenet_v3_small_torchvision",),
        has("features.12.0.weight", "features.11.block.2.fc1.weight"),
        from_torch(torchvision),
    ),
    Layout(
        "keras.applications MobileNetV3 large",
        ("mobilenet_v3_large",),
        _is_keras(15),
        mobilenet_v1.matrices(from_keras(keras_applications), "head_dense", "logits"),
    ),
    Layout(
        "keras.applications MobileNetV3 small",
        ("mobilenet_v3_small",),
        _is_keras(11),
        mobilenet_v1.matrices(from_keras(keras_applications), "head_dense", "logits"),
    ),
    # The same names in both: what tells them apart is the model that asks.
    Layout(
        "timm tf_mobilenetv3_large",
        ("mobilenet_v3_large",),
        has("blocks.6.0.conv.weight", "conv_head.bias"),
        timm_arrays(_LARGE),
    ),
    Layout(
        "timm mobilenetv3_large",
        ("mobilenet_v3_large_torchvision",),
        has("blocks.6.0.conv.weight", "conv_head.bias"),
        timm_arrays(_LARGE, _EXTRA_EPSILON),
    ),
    Layout(
        "timm tf_mobilenetv3_small",
        ("mobilenet_v3_small",),
        has("blocks.5.0.conv.weight", "conv_head.bias"),
        timm_arrays(_SMALL),
    ),
    Layout(
        "timm mobilenetv3_small",
        ("mobilenet_v3_small_torchvision",),
        has("blocks.5.0.conv.weight", "conv_head.bias"),
        timm_arrays(_SMALL, _EXTRA_EPSILON),
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_KERAS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/"
    "weights_mobilenet_v3_"
)
_PYTORCH_PUBLISHED = (
    ("imagenet", "large", "mobilenet_v3_large-8738ca79.pth", "74.042 / 91.340"),
    ("imagenet_v2", "large", "mobilenet_v3_large-5c1a4163.pth", "75.274 / 92.566"),
    ("imagenet", "small", "mobilenet_v3_small-047dcff4.pth", "67.668 / 87.402"),
)
# Size, width, hash, top-1 that TF-slim publishes.
_KERAS_PUBLISHED = (
    ("large", 1.0, "59e551e166be033d707958cf9e29a6a7", "75.2"),
    ("large", 0.75, "765b44a33ad4005b3ac83185abf1d0eb", "73.3"),
    ("small", 1.0, "8768d4c2e7dee89b9d02b2d03d65d862", "67.5"),
    ("small", 0.75, "cb65d4e5be93758266aa0a7f2c6708b7", "65.4"),
)
# Of timm's own those are left out that want pixels of another scale.
_TIMM_PUBLISHED = (
    ("large", 1.0, "tf_mobilenetv3_large_100.in1k", "75.510 / 92.600"),
    ("large", 0.75, "tf_mobilenetv3_large_075.in1k", "73.442 / 91.332"),
    ("small", 1.0, "tf_mobilenetv3_small_100.in1k", "67.922 / 87.686"),
    ("small", 0.75, "tf_mobilenetv3_small_075.in1k", "65.706 / 86.130"),
    ("large_torchvision", 1.0, "mobilenetv3_large_100.ra_in1k", "75.784 / 92.528"),
    ("small_torchvision", 1.0, "mobilenetv3_small_100.lamb_in1k", "67.636 / 87.638"),
    ("small_torchvision", 0.75, "mobilenetv3_small_075.lamb_in1k", "65.284 / 85.462"),
    ("small_torchvision", 0.5, "mobilenetv3_small_050.lamb_in1k", "57.918 / 80.144"),
)


def _arguments(width):
    return {} if width == 1 else {"width": width}


PUBLISHED = (
    *(
        Published(
            name,
            f"mobilenet_v3_{size}_torchvision",
            _PYTORCH + file,
            sha256_of(file),
            "BSD-3",
            score,
        )
        for name, size, file, score in _PYTORCH_PUBLISHED
    ),
    *(
        Published(
            "imagenet",
            f"mobilenet_v3_{size}",
            f"{_KERAS}{size}_224_{width}_float.h5",
            f"md5:{md5}",
            "Apache-2.0",
            score,
            _arguments(width),
        )
        for size, width, md5, score in _KERAS_PUBLISHED
    ),
    *(
        Published(
            "timm",
            f"mobilenet_v3_{size}",
            f"hf://timm/{tag}/model.safetensors",
            "",
            "Apache-2.0",
            score,
            _arguments(width),
        )
        for size, width, tag, score in _TIMM_PUBLISHED
    ),
)
