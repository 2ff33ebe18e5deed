"""ResNet: torchvision's names, which timm keeps, and keras.applications'."""

import re

from kzoo.weights.layout import PAIR, Layout, from_keras, from_torch, has
from kzoo.weights.published import Published, sha256_of

# keras.applications has 1.001e-5 in its ResNets' batch norms; ours have 1e-5.
_EXTRA_EPSILON = 1.001e-5 - 1e-5


def torchvision(layer):
    """'layer1.0.conv2' -> 'stage2_block1_2_conv'."""
    ends = {"conv1": "stem_conv", "bn1": "stem_bn", "fc": "logits"}
    pattern = r"layer(\d)\.(\d+)\.(?:(conv|bn)(\d)|downsample\.([01]))"
    found = re.fullmatch(pattern, layer)
    if not found:
        return ends.get(layer)
    stage, block, kind, number, shortcut = found.groups()
    part = f"{number}_{kind}" if kind else f"shortcut_{PAIR[shortcut]}"
    return f"stage{int(stage) + 1}_block{int(block) + 1}_{part}"


def keras_applications(layer):
    """'conv2_block1_0_bn' -> 'stage2_block1_shortcut_bn'."""
    ends = {"conv1_conv": "stem_conv", "conv1_bn": "stem_bn", "predictions": "logits"}
    found = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer)
    if not found:
        return ends.get(layer)
    stage, block, number, kind = found.groups()
    part = "shortcut" if number == "0" else number
    return f"stage{stage}_block{block}_{part}_{kind}"


def keras_arrays(arrays):
    """Our convolutions have no biases: theirs move into the mean that the batch norm
    after them subtracts."""
    converted = from_keras(keras_applications)(arrays)
    for name in [name for name in converted if name.endswith("_conv/bias")]:
        mean = name.replace("_conv/bias", "_bn/moving_mean")
        converted[mean] = converted[mean] - converted.pop(name)
    return move_epsilon(converted)


def move_epsilon(arrays):
    """What keras.applications' batch norms add more than ours, into the variances."""
    return {
        name: array + _EXTRA_EPSILON if name.endswith("/moving_variance") else array
        for name, array in arrays.items()
    }


LAYOUTS = (
    Layout(
        "torchvision ResNet",
        ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
        has("layer1.0.conv1.weight", "bn1.running_mean"),
        from_torch(torchvision),
    ),
    Layout(
        "keras.applications ResNet",
        ("resnet50_v1", "resnet101_v1", "resnet152_v1"),
        has("conv1_bn/gamma", "conv2_block1_0_conv/kernel"),
        keras_arrays,
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
_PUBLISHED = (
    ("imagenet", "resnet18", "resnet18-f37072fd.pth", "69.758 / 89.078"),
    ("imagenet", "resnet34", "resnet34-b627a593.pth", "73.314 / 91.420"),
    ("imagenet", "resnet50", "resnet50-0676ba61.pth", "76.130 / 92.862"),
    ("imagenet_v2", "resnet50", "resnet50-11ad3fa6.pth", "80.858 / 95.434"),
    ("imagenet", "resnet101", "resnet101-63fe2227.pth", "77.374 / 93.546"),
    ("imagenet_v2", "resnet101", "resnet101-cd907fc2.pth", "81.886 / 95.780"),
    ("imagenet", "resnet152", "resnet152-394f9c45.pth", "78.312 / 94.046"),
    ("imagenet_v2", "resnet152", "resnet152-f82ba261.pth", "82.284 / 96.002"),
)
_KERAS_PUBLISHED = (
    ("resnet50", "2cb95161c43110f7111970584f804107", "74.9 / 92.1"),
    ("resnet101", "f1aeb4b969a6efcfb50fad2f0c20cfc5", "76.4 / 92.8"),
    ("resnet152", "100835be76be38e30d865e96f2aaae62", "76.6 / 93.1"),
)
# timm's names for sets of weights, and the scores that it publishes at 224 pixels.
_TIMM_PUBLISHED = {
    "resnet18": (
        ("a1_in1k", "71.504 / 90.086"),
        ("a2_in1k", "70.634 / 89.486"),
        ("a3_in1k", "68.250 / 88.172"),
        ("fb_ssl_yfcc100m_ft_in1k", "72.636 / 91.416"),
        ("fb_swsl_ig1b_ft_in1k", "73.286 / 91.754"),
        ("gluon_in1k", "70.844 / 89.750"),
        ("tv_in1k", "69.752 / 89.082"),
    ),
    "resnet34": (
        ("a1_in1k", "76.420 / 92.896"),
        ("a2_in1k", "75.520 / 92.454"),
        ("a3_in1k", "72.996 / 91.116"),
        ("bt_in1k", "75.176 / 92.166"),
        ("gluon_in1k", "74.574 / 91.988"),
        ("tv_in1k", "73.298 / 91.422"),
    ),
    "resnet50": (
        ("a1_in1k", "80.382 / 94.598"),
        ("a1h_in1k", "80.654 / 95.312"),
        ("a2_in1k", "79.828 / 94.560"),
        ("a3_in1k", "78.052 / 93.780"),
        ("am_in1k", "79.004 / 94.392"),
        ("b1k_in1k", "79.564 / 94.622"),
        ("b2k_in1k", "79.388 / 94.580"),
        ("bt_in1k", "78.444 / 94.274"),
        ("c1_in1k", "79.766 / 94.954"),
        ("c2_in1k", "79.868 / 94.862"),
        ("d_in1k", "79.904 / 94.666"),
        ("fb_ssl_yfcc100m_ft_in1k", "79.252 / 94.826"),
        ("fb_swsl_ig1b_ft_in1k", "81.146 / 95.980"),
        ("gluon_in1k", "77.580 / 93.704"),
        ("ra_in1k", "78.820 / 94.314"),
        ("ram_in1k", "79.034 / 94.386"),
        ("tv2_in1k", "80.846 / 95.430"),
        ("tv_in1k", "76.156 / 92.866"),
    ),
    "resnet101": (
        ("a1_in1k", "81.494 / 95.164"),
        ("a1h_in1k", "81.950 / 95.760"),
        ("a2_in1k", "81.344 / 95.198"),
        ("a3_in1k", "79.836 / 94.608"),
        ("gluon_in1k", "79.306 / 94.538"),
        ("tv2_in1k", "81.906 / 95.768"),
        ("tv_in1k", "77.404 / 93.552"),
    ),
    "resnet152": (
        ("a1_in1k", "81.998 / 95.294"),
        ("a1h_in1k", "82.818 / 96.124"),
        ("a2_in1k", "81.764 / 95.270"),
        ("a3_in1k", "80.548 / 95.004"),
        ("gluon_in1k", "79.712 / 94.720"),
        ("tv2_in1k", "82.294 / 96.000"),
        ("tv_in1k", "78.330 / 94.046"),
    ),
}


def _timm(builder, tag, score):
    licence = "Apache-2.0"
    if tag.startswith("fb_"):
        licence = "CC-BY-NC-4.0"  # not for commerce
    elif tag.startswith("tv"):
        licence = "BSD-3"  # torchvision's, as another kind of file
    url = f"hf://timm/{builder}.{tag}/model.safetensors"
    return Published(tag, builder, url, "", licence, score)


PUBLISHED = (
    *(
        Published(name, builder, _PYTORCH + file, sha256_of(file), "BSD-3", score)
        for name, builder, file, score in _PUBLISHED
    ),
    *(
        Published(
            "imagenet",
            f"{name}_v1",
            f"{_KERAS}{name}_weights_tf_dim_ordering_tf_kernels.h5",
            f"md5:{md5}",
            "Apache-2.0",
            score,
        )
        for name, md5, score in _KERAS_PUBLISHED
    ),
    *(
        _timm(builder, *row)
        for builder, rows in _TIMM_PUBLISHED.items()
        for row in rows
    ),
)
