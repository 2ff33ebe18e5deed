"""NASNet-A: keras.applications' names and, for the large one, timm's."""

import re

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published

_ALL = ("nasnet_mobile", "nasnet_large", "nasnet_mobile_keras", "nasnet_large_keras")
_CELLS = 6  # normal cells of a stage in timm's, which has the large one alone


def keras_applications(cells):
    """The function from Keras' layers to ours where a stage has so many normal cells:
    'normal_conv_1_5' -> 'stage4_cell1_begin_conv' with 4."""
    ends = {"stem_conv1": "stem_conv", "stem_bn1": "stem_bn", "predictions": "logits"}

    def rename(layer):
        found = re.fullmatch(r"(.+?)_((?:stem_|reduce_)?\d+)", layer)
        if layer in ends or not found:
            return ends.get(layer)
        part, block = found.groups()
        ours = _keras_part(part)
        return f"{_keras_cell(block, cells)}_{ours}" if ours else None

    return rename


def _keras_cell(block, cells):
    kind, _, number = block.rpartition("_")
    number = int(number)
    if kind == "stem":
        return f"stem{number}"
    if kind == "reduce":
        return f"reduction{number // cells + 3}"
    # The reductions have numbers too.
    stage = 0 if number < cells else (number - 1) // cells
    cell = number + 1 if stage == 0 else number - stage * cells
    return f"stage{stage + 3}_cell{cell}"


def _keras_part(part):
    names = {
        "normal_conv_1": "begin_conv",
        "normal_bn_1": "begin_bn",
        "reduction_conv_1": "begin_conv",
        "reduction_bn_1": "begin_bn",
        "adjust_conv_projection": "previous_conv",
        "adjust_conv_1": "previous_even_conv",
        "adjust_conv_2": "previous_odd_conv",
        "adjust_bn": "previous_bn",
    }
    pattern = r"separable_conv_(\d)(_bn)?_(normal|reduction)_((?:left|right)\d)"
    found = re.fullmatch(pattern, part)
    if not found:
        return names.get(part)
    step, norm, kind, place = found.groups()
    if (kind, place) == ("reduction", "left4"):  # the fifth pair's, in truth
        place = "left5"
    return f"{place}_{step}{'_bn' if norm else ''}"


def from_keras(arrays):
    """Separable convolutions have two kernels there, and are two layers here."""
    numbers = [int(n) for name in arrays for n in re.findall(r"_reduce_(\d+)/", name)]
    rename = keras_applications(min(numbers))
    kernels = {
        "depthwise_kernel": "_depthwise_conv/kernel",
        "pointwise_kernel": "_pointwise_conv/kernel",
    }
    converted = {}
    for name, array in arrays.items():
        layer, _, variable = name.rpartition("/")
        ours = rename(layer)
        end = kernels.get(variable, f"/{variable}")
        converted[ours + end if ours else name] = array
    return converted


def timm(layer):
    """'cell_6.comb_iter_0_left.separable_1.depthwise_conv2d' ->
    'stage4_cell1_left1_1_depthwise_conv'."""
    ends = {"conv0.conv": "stem_conv", "conv0.bn": "stem_bn", "last_linear": "logits"}
    found = re.fullmatch(r"(cell_stem|cell|reduction_cell)_(\d+)\.(.+)", layer)
    if not found:
        return ends.get(layer)
    kind, number, part = found.groups()
    number = int(number)
    cell = {
        "cell_stem": f"stem{number + 1}",
        "cell": f"stage{number // _CELLS + 3}_cell{number % _CELLS + 1}",
        "reduction_cell": f"reduction{number + 4}",
    }[kind]
    part = _timm_part(part)
    return f"{cell}_{part}" if part else None


def _timm_part(part):
    names = {
        "conv_1x1.conv": "begin_conv",
        "conv_1x1.bn": "begin_bn",
        "conv_prev_1x1.conv": "previous_conv",
        "conv_prev_1x1.bn": "previous_bn",
        "path_1.conv": "previous_even_conv",
        "path_2.conv": "previous_odd_conv",
        "final_path_bn": "previous_bn",
    }
    pattern = (
        r"comb_iter_(\d)_(left|right)\.(?:separable_(\d)\.(\w+)_conv2d|bn_sep_(\d))"
    )
    found = re.fullmatch(pattern, part)
    if not found:
        return names.get(part)
    pair, side, step, kind, norm = found.groups()
    end = f"{step}_{kind}_conv" if kind else f"{norm}_bn"
    return f"{side}{int(pair) + 1}_{end}"


LAYOUTS = (
    Layout(
        "keras.applications NASNet",
        _ALL,
        has("stem_bn1/gamma", "normal_conv_1_0/kernel", "reduction_bn_1_stem_1/gamma"),
        from_keras,
    ),
    Layout(
        "timm NASNet",
        ("nasnet_large",),
        has("cell_stem_0.conv_1x1.conv.weight", "last_linear.weight"),
        from_torch(timm),
    ),
)

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/NASNet-"
_MD5 = {
    "mobile": "020fb642bf7360b370c678b08e0adf61",
    "large": "11577c9a518f0070763c2b964a382f17",
}
_SCORES = {"mobile": "74.4 / 91.9", "large": "82.5 / 96.0"}
PUBLISHED = (
    *(
        Published(
            "imagenet",
            f"nasnet_{size}{suffix}",
            f"{_KERAS}{size}.h5",
            f"md5:{md5}",
            "Apache-2.0",
            _SCORES[size],
        )
        for size, md5 in _MD5.items()
        for suffix in ("", "_keras")
    ),
    Published(
        "imagenet_timm",
        "nasnet_large",
        "hf://timm/nasnetalarge.tf_in1k/model.safetensors",
        "",
        "Apache-2.0",
        "none stated",
    ),
)
