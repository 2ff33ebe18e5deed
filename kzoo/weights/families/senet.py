"""SE-ResNet, SE-ResNeXt and SENet-154: the names of timm's "legacy" networks.

They are Cadene's, who converted the authors' Caffe files.
"""

import re

from kzoo.weights.layout import PAIR, Layout, from_torch, has
from kzoo.weights.published import Published


def timm(layer):
    """'layer1.0.se_module.fc1' -> 'stage2_block1_se_1_conv'."""
    ends = {"conv1": "stem_conv", "bn1": "stem_bn", "last_linear": "logits"}
    layer = layer.removeprefix("layer0.")
    pattern = (
        r"layer(\d)\.(\d+)\."
        r"(?:(conv|bn)(\d)|se_module\.fc([12])|downsample\.([01]))"
    )
    found = re.fullmatch(pattern, layer)
    if not found:
        return ends.get(layer)
    stage, block, kind, number, excite, shortcut = found.groups()
    part = (
        (kind and f"{number}_{kind}")
        or (excite and f"se_{excite}_conv")
        or f"shortcut_{PAIR[shortcut]}"
    )
    return f"stage{int(stage) + 1}_block{int(block) + 1}_{part}"


def timm_senet154(layer):
    """'layer0.conv2' -> 'stem_2_conv': of three, where the others have one."""
    found = re.fullmatch(r"layer0\.(conv|bn)([123])", layer)
    return f"stem_{found[2]}_{found[1]}" if found else timm(layer)


_EXCITE = "layer1.0.se_module.fc1.weight"
LAYOUTS = (
    Layout(
        "timm SENet-154",
        ("senet154",),
        has(_EXCITE, "layer0.conv2.weight"),
        from_torch(timm_senet154),
    ),
    Layout(
        "timm SE-ResNet",
        ("se_resnet50", "se_resnext50_32x4d"),
        lambda names: {_EXCITE, "layer0.conv1.weight"} <= set(names)
        and "layer0.conv2.weight" not in names,
        from_torch(timm),
    ),
)

_TIMM = (
    ("se_resnet50", "legacy_seresnet50", "77.650 / 93.732"),
    ("se_resnext50_32x4d", "legacy_seresnext50_32x4d", "79.080 / 94.428"),
    ("senet154", "legacy_senet154", "81.320 / 95.502"),
)
PUBLISHED = tuple(
    Published(
        "imagenet",
        builder,
        f"hf://timm/{theirs}.in1k/model.safetensors",
        "",
        "Apache-2.0",
        score,
    )
    for builder, theirs, score in _TIMM
)
