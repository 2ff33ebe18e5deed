"""SSD and its relatives: names of torchvision, amdegroot, lufficc and chuanqi305, and
VGG-16 reduced."""

import re

import numpy as np

from kzoo.weights.families import mobilenet_v3, vgg
from kzoo.weights.layout import PAIR, Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of

_VGG_PLACES = vgg.features((2, 2, 3, 3, 3), normalized=False)
# conv5_1 to fc7 in the second part of torchvision's.
_SECOND_PART = {
    "1": "stage5_1_conv",
    "3": "stage5_2_conv",
    "5": "stage5_3_conv",
    "7.1": "fc6_conv",
    "7.3": "fc7_conv",
}
_SSD = ("ssd300", "ssd512", "ssd300_torchvision")


def torchvision(layer):
    """'backbone.extra.1.2' -> 'head_8_2_conv'."""
    found = re.fullmatch(r"backbone\.features\.(\d+)", layer)
    if found:
        return _VGG_PLACES.get(int(found[1]))
    found = re.fullmatch(r"backbone\.extra\.(\d)\.([\d.]+)", layer)
    if found and found[1] == "0":
        return _SECOND_PART.get(found[2])
    if found:
        return f"head_{7 + int(found[1])}_{1 + int(found[2]) // 2}_conv"
    return _head(layer)


def _head(layer):
    """'head.regression_head.module_list.0' -> 'deltas_1'; SSDLite's have parts."""
    pattern = r"head\.(classification|regression)_head\.module_list\.(\d)(?:\.(.+))?"
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    name = {"classification": "logits", "regression": "deltas"}[found[1]]
    parts = {None: "", "1": "", "0.0": "_depthwise_conv", "0.1": "_depthwise_bn"}
    return f"{name}_{int(found[2]) + 1}{parts[found[3]]}"


def pytorch(layer):
    """amdegroot's 'extras.3', lufficc's 'backbone.extras.3' -> 'head_9_2_conv'."""
    pattern = r"(?:.+\.)?(vgg|extras|conf|loc|cls_headers|reg_headers)\.(\d+)"
    found = re.fullmatch(pattern, layer)
    if not found:
        return None
    part, number = found[1], int(found[2])
    if part == "vgg":
        behind = {31: "fc6_conv", 33: "fc7_conv"}
        return (_VGG_PLACES | behind).get(number)
    if part == "extras":
        return f"head_{8 + number // 2}_{1 + number % 2}_conv"
    name = "logits" if part in ("conf", "cls_headers") else "deltas"
    return f"{name}_{number + 1}"


def of_rgb(rename, scale):
    """The function from PyTorch's arrays to ours: their pixels are RGB minus the mean,
    ours BGR. `scale` names that of conv4_3's normalization."""

    def convert(arrays):
        converted = from_torch(rename)(arrays)
        first = "stage1_1_conv/kernel"
        converted[first] = converted[first][:, :, ::-1]
        converted["head_l2/scale"] = converted.pop(scale)
        return converted

    return convert


def reduced(convert):
    """The function from a VGG's arrays to those of its convolutions for SSD.

    Of fc6, 7x7 places by 4096, every third place and fourth unit stay, and of fc7 every
    fourth unit of both sides: the authors' "VGG_ILSVRC_16_layers_fc_reduced".
    """

    def converted(arrays):
        ours = convert(arrays)
        if "head_fc6/kernel" not in ours:
            return ours
        fc6, fc7 = ours.pop("head_fc6/kernel"), ours.pop("head_fc7/kernel")
        fc6 = fc6.reshape(7, 7, -1, fc6.shape[-1])
        ours["fc6_conv/kernel"] = fc6[::3, ::3, :, ::4]
        ours["fc7_conv/kernel"] = fc7[None, None, ::4, ::4]
        for name in ("fc6", "fc7"):
            ours[f"{name}_conv/bias"] = ours.pop(f"head_{name}/bias")[::4]
        return ours

    return converted


def torchvision_lite(layer):
    """'backbone.features.0.13.0' -> 'block13_expand_conv'."""
    found = re.fullmatch(r"backbone\.features\.0\.13\.([01])", layer)
    if found:
        return f"block13_expand_{PAIR[found[1]]}"
    found = re.fullmatch(r"backbone\.features\.([01])\.(\d+)\.(.+)", layer)
    if found and found[1] == "0":
        return mobilenet_v3.torchvision(f"features.{found[2]}.{found[3]}")
    if found:
        block = "block." if found[2] == "0" else ""
        number = 13 + int(found[2])
        return mobilenet_v3.torchvision(f"features.{number}.{block}{found[3]}")
    found = re.fullmatch(r"backbone\.extra\.(\d)\.(\d)\.([01])", layer)
    if found:
        part = ("reduce", "depthwise", "pointwise")[int(found[2])]
        return f"head_extra{int(found[1]) + 1}_{part}_{PAIR[found[3]]}"
    return _head(layer)


def chuanqi305(layer):
    """'conv5/dw' -> 'block5_depthwise'; whose convolution and batch norm it is."""
    found = re.fullmatch(r"conv(\d+)(/dw|_[12])?", layer)
    if not found or (found[2] or "")[:1] == "_" and int(found[1]) < 14:
        return None
    number, part = int(found[1]), found[2]
    if part in ("_1", "_2"):
        return f"head_{number}{part}"
    if number == 0:
        return "stem"
    return f"block{number}_{'depthwise' if part else 'pointwise'}"


# Maps of chuanqi305's, in their order.
_CAFFE_MAPS = ("conv11", "conv13", "conv14_2", "conv15_2", "conv16_2", "conv17_2")


def mobilenet_ssd(arrays):
    """From Caffe's arrays, where BatchNorm has sums and their factor, and Scale what is
    ours too. Without both a convolution has biases, which become its batch norm's."""
    converted, kernels = {}, {}
    for name, array in arrays.items():
        layer, _, blob = name.rpartition("/")
        owner, _, kind = layer.rpartition("/")
        ours = chuanqi305(layer)
        if kind in ("bn", "scale") and chuanqi305(owner):
            if kind == "bn" and blob in ("0", "1"):
                factor = float(np.ravel(arrays[f"{layer}/2"])[0])
                array = array / factor if factor else array
            names = {"bn0": "moving_mean", "bn1": "moving_variance"}
            names |= {"scale0": "gamma", "scale1": "beta"}
            if kind + blob in names:
                converted[f"{chuanqi305(owner)}_bn/{names[kind + blob]}"] = array
        elif ours and blob == "0":
            depthwise = ours.endswith("depthwise")
            order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
            kernels[ours] = array.transpose(order)
        elif ours:
            converted |= _merged(ours, array)
        else:
            converted |= _prediction(layer, blob, array) or {name: array}
    return converted | {f"{ours}_conv/kernel": x for ours, x in kernels.items()}


def _merged(ours, bias):
    """A batch norm that only adds `bias`; our epsilon is 1e-5."""
    return {
        f"{ours}_bn/gamma": np.ones_like(bias),
        f"{ours}_bn/beta": bias,
        f"{ours}_bn/moving_mean": np.zeros_like(bias),
        f"{ours}_bn/moving_variance": np.full_like(bias, 1 - 1e-5),
    }


def _prediction(layer, blob, array):
    found = re.fullmatch(r"(conv\d+(?:_2)?)_mbox_(loc|conf)", layer)
    if not found or found[1] not in _CAFFE_MAPS:
        return None
    name = {"loc": "deltas", "conf": "logits"}[found[2]]
    ours = f"{name}_{_CAFFE_MAPS.index(found[1]) + 1}"
    if blob == "0":
        return {f"{ours}/kernel": array.transpose(2, 3, 1, 0)}
    return {f"{ours}/bias": array}


LAYOUTS = (
    Layout(
        "chuanqi305/MobileNet-SSD",
        ("mobilenet_ssd",),
        has("conv1/dw/0", "conv11_mbox_loc/0"),
        mobilenet_ssd,
    ),
    Layout(
        "torchvision SSDLite",
        ("ssdlite320_torchvision",),
        has("backbone.features.1.3.0.weight", "backbone.extra.0.0.0.weight"),
        from_torch(torchvision_lite),
    ),
    Layout(
        "torchvision SSD",
        ("ssd300_torchvision",),
        has("backbone.scale_weight", "backbone.extra.0.7.1.weight"),
        of_rgb(torchvision, "backbone.scale_weight"),
    ),
    Layout(
        "lufficc/SSD",
        _SSD,
        has("backbone.l2_norm.weight", "backbone.vgg.0.weight"),
        of_rgb(pytorch, "backbone.l2_norm.weight"),
    ),
    Layout(
        "amdegroot/ssd.pytorch",
        ("ssd300",),
        has("L2Norm.weight", "vgg.0.weight"),
        of_rgb(pytorch, "L2Norm.weight"),
    ),
    *(
        Layout(
            f"{x.origin}, reduced", (*_SSD, *x.builders), x.marks, reduced(x.convert)
        )
        for x in vgg.LAYOUTS
        if "vgg16" in x.builders
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_LUFFICC = "https://github.com/lufficc/SSD/releases/download/1.2/"
_TORCHVISION = (
    ("ssd300_torchvision", "ssd300_vgg16_coco-b556d3b4.pth", "AP 25.1"),
    (
        "ssdlite320_torchvision",
        "ssdlite320_mobilenet_v3_large_coco-a79551df.pth",
        "AP 21.3",
    ),
)
_VOC = (
    ("voc", "ssd300", _LUFFICC + "vgg_ssd300_voc0712.pth", "MIT", "mAP 77.7"),
    ("voc", "ssd512", _LUFFICC + "vgg_ssd512_voc0712.pth", "MIT", "mAP 80.7"),
    (
        "voc_amdegroot",
        "ssd300",
        "https://s3.amazonaws.com/amdegroot-models/ssd300_mAP_77.43_v2.pth",
        "MIT",
        "mAP 77.43",
    ),
)
PUBLISHED = (
    *(
        Published(
            "coco",
            builder,
            _PYTORCH + file,
            sha256_of(file),
            "BSD-3",
            score,
            classes="coco90",
        )
        for builder, file, score in _TORCHVISION
    ),
    *(
        Published(name, builder, url, "", licence, score, classes="voc")
        for name, builder, url, licence, score in _VOC
    ),
)
