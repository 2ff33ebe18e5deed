"""EfficientNet: keras.applications' names, torchvision's and timm's."""

import re

from kzoo.weights.layout import PAIR, Layout, from_keras, from_torch, has
from kzoo.weights.published import Published, sha256_of

_SCALES = [f"efficientnet_b{number}" for number in range(8)]
_TORCHVISION = [f"{name}_torchvision" for name in _SCALES]


def keras_applications(layer):
    """'block2a_expand_bn' -> 'stage2_block1_expand_bn'."""
    ends = {"top_conv": "head_conv", "top_bn": "head_bn", "predictions": "logits"}
    found = re.fullmatch(r"block(\d)([a-z])_(.+)", layer)
    if not found:
        return layer if layer.startswith("stem_") else ends.get(layer)
    parts = {
        "dwconv": "depthwise_conv",
        "bn": "depthwise_bn",
        "se_reduce": "se_1_conv",
        "se_expand": "se_2_conv",
    }
    stage, letter, part = found.groups()
    return f"stage{stage}_block{ord(letter) - 96}_{parts.get(part, part)}"


def keras_arrays(arrays):
    """Without Keras' `Normalization`, whose constants are in our Preprocess.

    Its file keeps deviations as if they were variances, and its graph divides by their
    square root twice.
    """
    kept = {n: x for n, x in arrays.items() if not n.startswith("normalization")}
    converted = from_keras(keras_applications)(kept)
    # Files of Keras 2 call a depthwise kernel so.
    return {n.replace("/depthwise_kernel", "/kernel"): x for n, x in converted.items()}


def torchvision(layer):
    """'features.2.0.block.1.0' -> 'stage2_block1_depthwise_conv'."""
    found = re.fullmatch(r"features\.([08])\.([01])", layer)
    if found:
        return f"{'stem' if found[1] == '0' else 'head'}_{PAIR[found[2]]}"
    pattern = r"features\.(\d)\.(\d+)\.block\.(\d)\.(?:([01])|fc([12]))"
    found = re.fullmatch(pattern, layer)
    if not found:
        return "logits" if layer == "classifier.1" else None
    stage, block, step, kind, number = found.groups()
    # The blocks of the first stage do not expand.
    parts = ["expand"] * (stage != "1") + ["depthwise", "se", "project"]
    part = f"se_{number}_conv" if number else f"{parts[int(step)]}_{PAIR[kind]}"
    return f"stage{stage}_block{int(block) + 1}_{part}"


def timm(layer):
    """'blocks.1.0.conv_dw' -> 'stage2_block1_depthwise_conv'."""
    ends = {
        "conv_stem": "stem_conv",
        "bn1": "stem_bn",
        "conv_head": "head_conv",
        "bn2": "head_bn",
        "classifier": "logits",
    }
    found = re.fullmatch(r"blocks\.(\d)\.(\d+)\.(.+)", layer)
    if not found:
        return ends.get(layer)
    stage, block, part = found.groups()
    # The blocks of the first stage do not expand: depthwise, then pointwise.
    steps = ["expand"] * (stage != "0") + ["depthwise", "project"]
    parts = {
        "conv_dw": "depthwise_conv",
        "conv_pw": "project_conv" if stage == "0" else "expand_conv",
        "conv_pwl": "project_conv",
        "se.conv_reduce": "se_1_conv",
        "se.conv_expand": "se_2_conv",
        **{f"bn{number}": f"{step}_bn" for number, step in enumerate(steps, start=1)},
    }
    name = f"stage{int(stage) + 1}_block{int(block) + 1}"
    return f"{name}_{parts[part]}" if part in parts else None


LAYOUTS = (
    Layout(
        "keras.applications EfficientNet",
        tuple(_SCALES),
        has("block1a_se_reduce/kernel", "top_conv/kernel", "block2a_expand_bn/gamma"),
        keras_arrays,
    ),
    Layout(
        "torchvision EfficientNet",
        tuple(_TORCHVISION),
        has("features.1.0.block.1.fc1.weight", "features.2.0.block.2.fc1.weight"),
        from_torch(torchvision),
    ),
    # tf_efficientnet_* pad as the authors do, efficientnet_* as torchvision's do.
    Layout(
        "timm EfficientNet",
        (*_SCALES, *_TORCHVISION[:5]),
        has("conv_stem.weight", "blocks.0.0.se.conv_reduce.weight", "conv_head.weight"),
        from_torch(timm),
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/keras-applications/"
_TORCHVISION_FILES = (
    ("imagenet", 0, "b0_rwightman-7f5810bc", "77.692 / 93.532"),
    ("imagenet", 1, "b1_rwightman-bac287d4", "78.642 / 94.186"),
    ("imagenet_v2", 1, "b1-c27df63c", "79.838 / 94.934"),
    ("imagenet", 2, "b2_rwightman-c35c1473", "80.608 / 95.310"),
    ("imagenet", 3, "b3_rwightman-b3899882", "82.008 / 96.054"),
    ("imagenet", 4, "b4_rwightman-23ab8bcd", "83.384 / 96.594"),
    ("imagenet", 5, "b5_lukemelas-1a07897c", "83.444 / 96.628"),
    ("imagenet", 6, "b6_lukemelas-24a108a5", "84.008 / 96.916"),
    ("imagenet", 7, "b7_lukemelas-c5b4e57e", "84.122 / 96.908"),
)
_KERAS_MD5 = (
    "902e53a9f72be733fc0bcb005b3ebbac",
    "1d254153d4ab51201f1646940f018540",
    "b15cce36ff4dcbd00b6dd88e7857a6ad",
    "ffd1fdc53d0ce67064dc6a9c7960ede0",
    "18c95ad55216b8f92d7e70b3a046e2fc",
    "ace28f2a6363774853a83a0b21b9421a",
    "165f6e37dce68623721b423839de8be5",
    "8c03f828fec3ef71311cd463b6759d99",
)
_KERAS_SCORES = (
    "77.1 / 93.3",
    "79.1 / 94.4",
    "80.1 / 94.9",
    "81.6 / 95.7",
    "82.9 / 96.4",
    "83.6 / 96.7",
    "84.0 / 96.8",
    "84.3 / 97.0",
)
_BASELINE_SCORES = ("76.7", "78.7", "79.8", "81.1", "82.5", "83.1")
# timm's, at each scale's own size of pictures.
_NOISY_STUDENT_SCORES = (
    "78.680 / 94.372",
    "81.388 / 95.756",
    "82.412 / 96.238",
    "84.054 / 96.926",
    "85.156 / 97.482",
    "86.096 / 97.744",
    "86.476 / 97.864",
    "86.850 / 98.080",
)
# name, timm's tag, {scale: top-1}: AutoAugment alone, neither it nor others, noisy
# student on 300 million other pictures. Those of AdvProp (ap_) take other pixels.
_TIMM = (
    ("imagenet_autoaugment", "aa_in1k", [s[:4] for s in _KERAS_SCORES]),
    ("imagenet_baseline", "in1k", _BASELINE_SCORES),
    ("imagenet_noisy_student", "ns_jft_in1k", _NOISY_STUDENT_SCORES),
)
PUBLISHED = (
    *(
        Published(
            "imagenet",
            _SCALES[scale],
            f"{_KERAS}efficientnetb{scale}.h5",
            f"md5:{md5}",
            "Apache-2.0",
            _KERAS_SCORES[scale],
        )
        for scale, md5 in enumerate(_KERAS_MD5)
    ),
    *(
        Published(
            name,
            _SCALES[scale],
            f"hf://timm/tf_efficientnet_b{scale}.{tag}/model.safetensors",
            "",
            "Apache-2.0",
            score,
        )
        for name, tag, scores in _TIMM
        for scale, score in enumerate(scores)
    ),
    *(
        Published(
            name,
            _TORCHVISION[scale],
            f"{_PYTORCH}efficientnet_{file}.pth",
            sha256_of(file + ".pth"),
            "BSD-3",
            score,
        )
        for name, scale, file, score in _TORCHVISION_FILES
    ),
)
