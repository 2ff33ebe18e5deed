"""SSD and SSDLite: their maps, their rows, and what they refuse."""

import keras
import numpy as np
import pytest

from kzoo import models, weights
from kzoo.ops.anchors import Anchors, ssd_anchors
from kzoo.weights import families
from kzoo.weights.families import ssd as names
from tests.golden import draw

VGG = "vgg16(width=0.0625)"
LITE = "mobilenet_v2(width=0.25)"


def small(name, side=None, **arguments):
    lite = name.startswith("ssdlite")
    side = side or {"ssd512": 512}.get(name, 320 if lite else 300)
    if name not in ("ssdlite320_torchvision", "mobilenet_ssd"):
        arguments = {"backbone": LITE if lite else VGG} | arguments
    shape = {"input_shape": (side, side, 3)} | {
        key: arguments.pop(key) for key in ("input_shape",) if key in arguments
    }
    width = {"width": 0.25} if lite else {}
    return models.build(name, **{"classes": 3} | width | shape | arguments)


def positions(model):
    """Of each map, (rows, columns)."""
    inputs = [layer.input.shape[1:3] for layer in map_layers(model, "deltas")]
    return [tuple(size) for size in inputs]


def map_layers(model, name):
    return [
        layer for layer in model.layers if layer.name.removeprefix(f"{name}_").isdigit()
    ]


def squares(*sides):
    return [(side, side) for side in sides]


@pytest.mark.parametrize(
    "name, sides, boxes, rows",
    [
        # Figure 2, and section 3.1; torchvision's; TensorFlow's at 300 px.
        ("ssd300", (38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4), 8732),
        ("ssd512", (64, 32, 16, 8, 4, 2, 1), (4, 6, 6, 6, 6, 4, 4), 24_564),
        ("ssdlite320_torchvision", (20, 10, 5, 3, 2, 1), (6,) * 6, 3234),
        ("ssdlite", (20, 10, 5, 3, 2, 1), (3, 6, 6, 6, 6, 6), 2034),
    ],
)
def test_maps_and_rows(name, sides, boxes, rows):
    model = small(name)
    assert positions(model) == squares(*sides)
    assert model.task.anchors.per_position == boxes
    assert len(model.task.anchors(*model.input_shape[1:3])) == rows
    assert model.output["logits"].shape == (None, rows, 4)
    assert model.output["deltas"].shape == (None, rows, 4)


def test_ssdlite_has_tensorflows_1917_boxes_at_300_px():
    model = small("ssdlite", side=300)
    assert model.output["deltas"].shape[1] == 1917


def test_the_papers_default_boxes():
    """Section 3.1: conv4_3 has squares of 0.1 of the side, then 0.2 to 0.9 in steps
    that the authors round down to whole percents: 30, 60, 111, ... px."""
    anchors = small("ssd300").task.anchors
    assert anchors.strides == (8, 16, 32, 64, 100, 300)
    first = [level[0][0] for level in anchors.shapes]
    np.testing.assert_allclose(first, [30, 60, 111, 162, 213, 264], rtol=1e-6)
    np.testing.assert_allclose(anchors.shapes[5][1], (264 * 315) ** 0.5, rtol=1e-6)
    anchors = small("ssd512").task.anchors
    assert anchors.strides == (8, 16, 32, 64, 128, 256, 512)
    first = [level[0][0] for level in anchors.shapes]
    expected = [35.84, 76.8, 153.6, 230.4, 307.2, 384, 460.8]
    np.testing.assert_allclose(first, expected, rtol=1e-6)


def test_a_vggs_pixels_are_minus_the_mean_in_whole_numbers():
    assert small("ssd300").get_layer("preprocess").mode == "bvlc"
    other = small("ssd300", backbone="vgg16_torchvision(width=0.0625)")
    assert other.get_layer("preprocess").mode == "torch"


def test_layers_behind_vgg_are_in_proportion_to_it():
    model = models.ssd300(classes=3, backbone="vgg11(width=0.25)")
    assert model.get_layer("fc6_conv").filters == 256
    assert model.get_layer("fc6_conv").dilation_rate == (6, 6)
    assert model.get_layer("head_11_2_conv").filters == 64


def test_ssdlite_starts_where_the_paper_says():
    """The expansion of "layer 15", 576 channels at stride 16, and the last 1280."""
    model = models.ssdlite(classes=3)
    first = model.get_layer("logits_1_depthwise_conv").input
    assert first.shape[1:] == (20, 20, 576)
    assert model.get_layer("block14_expand_act").output is first
    second = model.get_layer("logits_2_depthwise_conv").input
    assert second.shape[1:] == (10, 10, 1280)


@pytest.mark.slow
def test_mobilenet_v3_starts_there_too():
    model = models.ssdlite(classes=3, backbone="mobilenet_v3_large")
    first = model.get_layer("logits_1_depthwise_conv").input
    assert first.shape[1:] == (20, 20, 672)
    assert model.get_layer("logits_2_depthwise_conv").input.shape[-1] == 960


def test_any_backbone_with_levels_will_do():
    model = small("ssdlite", side=128, backbone="resnet18(width=0.125)")
    assert positions(model) == squares(16, 8, 4, 2, 1, 1)
    images = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3))
    assert np.all(np.isfinite(model(images)["logits"]))


@pytest.mark.parametrize("name", ["ssdlite", "ssd300"])
def test_fewer_maps_for_small_and_oblong_pictures(name):
    strides = (8, 16, 32)
    anchors = ssd_anchors(96, strides, (0.1, 0.2, 0.4, 0.8), ((2,), (), (2,)))
    model = small(name, input_shape=(100, 130, 3), anchors=anchors)
    assert positions(model) == [(13, 17), (7, 9), (4, 5)]
    assert model.output["logits"].shape[1] == 4 * 13 * 17 + 2 * 7 * 9 + 4 * 4 * 5
    again = models.build(model.spec.builder, **model.spec.arguments)
    assert again.task.anchors == model.task.anchors


@pytest.mark.parametrize("side", [257, 300, 320, 333])
def test_ssd300_takes_other_sizes(side):
    model = small("ssd300", side=side)
    found = len(model.task.anchors(side, side))
    assert model.output["deltas"].shape == (None, found, 4)


def test_maps_and_anchors_that_differ_are_refused():
    anchors = Anchors((8, 16, 50), [[(20, 20)]] * 3)
    with pytest.raises(ValueError, match="361, 100.*361, 36"):
        small("ssd300", anchors=anchors)


def test_strides_that_no_map_has_are_refused():
    anchors = Anchors((8, 32), [[(20, 20)]] * 2)
    with pytest.raises(ValueError, match=r"from 8 or 16 on; .* \(8, 32\)"):
        small("ssdlite", anchors=anchors)


def test_ssd_is_made_of_a_vgg():
    with pytest.raises(ValueError, match="made of a VGG, not of resnet18"):
        small("ssd300", backbone="resnet18(width=0.125)")


@pytest.mark.parametrize(
    "name", ["ssd300", "ssdlite", "ssdlite320_torchvision", "mobilenet_ssd"]
)
def test_an_ssd_has_one_size_of_pictures(name):
    with pytest.raises(ValueError, match=r"\(None, None\).*input_shape="):
        small(name, input_shape=(None, None, 3))


def test_a_given_backbones_size_counts():
    """Not input_shape's default, which speaks of a backbone that is to be built."""
    backbone = models.build(LITE, classes=None, input_shape=(320, 320, 3))
    model = models.ssdlite(classes=2, backbone=backbone, input_shape=(64, 64, 3))
    assert model.task.anchors == models.ssdlite(classes=2, backbone=LITE).task.anchors


def test_vggs_hidden_layers_are_reduced():
    """Of 7x7 places the corners, the middles and the centre, of units every fourth."""
    random = np.random.default_rng(0)
    arrays = {
        "head_fc6/kernel": random.normal(size=(7 * 7 * 8, 64)),
        "head_fc6/bias": random.normal(size=64),
        "head_fc7/kernel": random.normal(size=(64, 64)),
        "head_fc7/bias": random.normal(size=64),
        "stage1_1_conv/bias": np.zeros(2),
    }
    found = names.reduced(dict)(arrays)
    assert set(found) == {
        *("fc6_conv/kernel", "fc6_conv/bias", "fc7_conv/kernel", "fc7_conv/bias"),
        "stage1_1_conv/bias",
    }
    assert found["fc6_conv/kernel"].shape == (3, 3, 8, 16)
    # Row 3, column 6, channel 5 of the 7x7x8, unit 12.
    value = arrays["head_fc6/kernel"][(3 * 7 + 6) * 8 + 5, 12]
    assert found["fc6_conv/kernel"][1, 2, 5, 3] == value
    assert found["fc6_conv/bias"][3] == arrays["head_fc6/bias"][12]
    assert found["fc7_conv/kernel"].shape == (1, 1, 16, 16)
    assert found["fc7_conv/kernel"][0, 0, 2, 15] == arrays["head_fc7/kernel"][8, 60]


def test_a_published_vgg_fills_ssd_up_to_fc7():
    """By the names of Keras' file, through `load_backbone` as users call it."""
    vgg = {}
    channels = 3
    for stage, depth in enumerate((2, 2, 3, 3, 3), start=1):
        for i in range(1, depth + 1):
            filters = min(512, 32 * 2**stage)
            vgg[f"block{stage}_conv{i}/kernel"] = (3, 3, channels, filters)
            vgg[f"block{stage}_conv{i}/bias"] = (filters,)
            channels = filters
    vgg |= {"fc1/kernel": (25088, 4096), "fc1/bias": (4096,)}
    vgg |= {"fc2/kernel": (4096, 4096), "fc2/bias": (4096,)}
    # Zeros but in one place: drawing 100 million numbers takes seconds.
    arrays = {name: np.zeros(shape, "float32") for name, shape in vgg.items()}
    arrays["block1_conv1/kernel"][0, 0, 2, 7] = 3.0
    arrays["fc1/kernel"][(6 * 7 + 3) * 512 + 11, 40] = 5.0
    model = models.ssd300(classes=2)
    report = weights.load_backbone(model, arrays)
    assert model.get_layer("stage1_1_conv").kernel[0, 0, 2, 7] == 3.0
    assert model.get_layer("fc6_conv").kernel[2, 1, 11, 10] == 5.0
    assert {name.partition("/")[0] for name in report.kept} == {
        layer.name
        for layer in model.layers
        if layer.weights and layer.name.startswith(("head_", "logits_", "deltas_"))
    }


@pytest.mark.parametrize("declared", [(), ("vgg16",)])
@pytest.mark.parametrize(
    "builders, end",
    [(("ssd300", "vgg16"), "VGG, reduced"), (("vgg16",), "VGG"), (("fcos",), "VGG")],
)
def test_only_for_ssd_is_a_vgg_reduced(declared, builders, end):
    """Also where one knows that the file is Keras' VGG-16."""
    file = ["block1_conv1/kernel", "block5_conv3/kernel", "fc1/kernel"]
    layout = families.recognize(file, builders, declared)
    assert layout.origin == f"keras.applications {end}"


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("backbone.features.0", "stage1_1_conv"),
        ("backbone.features.21", "stage4_3_conv"),
        ("backbone.extra.0.5", "stage5_3_conv"),
        ("backbone.extra.0.7.3", "fc7_conv"),
        ("backbone.extra.4.0", "head_11_1_conv"),
        ("head.classification_head.module_list.0", "logits_1"),
        ("head.regression_head.module_list.5", "deltas_6"),
        ("backbone.features.1", None),
        ("rpn.head", None),
    ],
)
def test_torchvision_ssd(theirs, ours):
    assert names.torchvision(theirs) == ours


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("vgg.0", "stage1_1_conv"),
        ("vgg.31", "fc6_conv"),
        ("backbone.vgg.33", "fc7_conv"),
        ("extras.7", "head_11_2_conv"),
        ("backbone.extras.8", "head_12_1_conv"),
        ("conf.5", "logits_6"),
        ("loc.0", "deltas_1"),
        ("box_head.predictor.cls_headers.2", "logits_3"),
        ("box_head.predictor.reg_headers.6", "deltas_7"),
        ("L2Norm", None),
    ],
)
def test_pytorch_ssd(theirs, ours):
    assert names.pytorch(theirs) == ours


def test_amdegroots_file_is_lufficcs_under_other_names():
    ours = {w.path: w.shape for w in small("ssd300").weights}
    model, other = small("ssd300"), small("ssd300")
    arrays = draw.weights(_theirs(ours))
    weights.load(model, arrays)
    renamed = {
        name.replace("backbone.l2_norm", "L2Norm")
        .replace("backbone.", "")
        .replace("box_head.predictor.cls_headers", "conf")
        .replace("box_head.predictor.reg_headers", "loc"): array
        for name, array in arrays.items()
    }
    weights.load(other, renamed)
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    first = arrays["backbone.vgg.0.weight"].transpose(2, 3, 1, 0)
    kernel = keras.ops.convert_to_numpy(model.get_layer("stage1_1_conv").kernel)
    np.testing.assert_array_equal(kernel, first[:, :, ::-1])  # RGB to BGR


def _theirs(ours):
    """lufficc's names and shapes of our weights."""
    places = {v: k for k, v in names._VGG_PLACES.items()}
    places |= {"fc6_conv": 31, "fc7_conv": 33}
    theirs = {"backbone.l2_norm.weight": ours["head_l2/scale"]}
    for path, shape in ours.items():
        layer, variable = path.split("/")
        if layer in places:
            name = f"backbone.vgg.{places[layer]}"
        elif layer.startswith("head_l2"):
            continue
        elif layer.startswith("head_"):
            _, stage, step, _ = layer.split("_")
            name = f"backbone.extras.{2 * int(stage) + int(step) - 17}"
        else:
            kind = {"logits": "cls", "deltas": "reg"}[layer[:6]]
            name = f"box_head.predictor.{kind}_headers.{int(layer[7:]) - 1}"
        if variable == "kernel":
            shape = (shape[3], shape[2], *shape[:2])
        theirs[f"{name}.{'weight' if variable == 'kernel' else 'bias'}"] = shape
    return theirs


def test_mobilenet_ssds_boxes():
    """Its prototxt: squares of 60, 105, 150 ... px, the first map with three boxes; the
    largest ratio is not cut at the picture's side."""
    model = models.mobilenet_ssd(classes=3, width=0.25)
    assert positions(model) == squares(19, 10, 5, 3, 2, 1)
    anchors = model.task.anchors
    assert anchors.per_position == (3, 6, 6, 6, 6, 6)
    first = [level[0][0] for level in anchors.shapes]
    np.testing.assert_allclose(first, [60, 105, 150, 195, 240, 285], rtol=1e-6)
    np.testing.assert_allclose(anchors.shapes[5][1], [(285 * 300) ** 0.5] * 2)
    np.testing.assert_allclose(anchors.shapes[5][2], [285 * 2**0.5, 285 / 2**0.5])
    assert len(anchors(300, 300)) == 1917
    # The second box of the second column: 300 / 19 px a cell.
    middle = anchors(300, 300)[3:5].reshape(2, 2, 2).mean(axis=1)
    np.testing.assert_allclose(middle, [[450 / 19, 150 / 19]] * 2, rtol=1e-5)


def test_mobilenet_ssd_with_its_batch_norms_merged():
    """What the author's merge_bn.py makes: kernels scaled, biases for batch norms."""
    random = np.random.default_rng(0)
    whole, merged = {}, {}
    arguments = {"classes": 3, "width": 0.125, "input_shape": (64, 64, 3)}
    model, other = (models.mobilenet_ssd(**arguments) for _ in range(2))
    theirs = {names.chuanqi305(name): name for name in _caffe_layers()}
    for path, shape in ((w.path, w.shape) for w in model.weights):
        layer, variable = path.split("/")
        if layer.startswith(("logits", "deltas")):
            number = int(layer[7:]) - 1
            kind = {"logits": "conf", "deltas": "loc"}[layer[:6]]
            name = f"{names._CAFFE_MAPS[number]}_mbox_{kind}"
            shape = (shape[3], shape[2], 1, 1) if variable == "kernel" else shape
            blob = f"{name}/{0 if variable == 'kernel' else 1}"
            whole[blob] = merged[blob] = random.normal(size=shape).astype("float32")
        elif variable == "kernel":
            name = theirs[layer.removesuffix("_conv")]
            # (out, in, h, w); a depthwise convolution has 1 in.
            order = (2, 3, 0, 1) if name.endswith("dw") else (3, 2, 0, 1)
            shape = tuple(shape[axis] for axis in order)
            kernel = random.normal(size=shape) / np.prod(shape[1:]) ** 0.5
            mean, bias = random.normal(size=(2, shape[0]))
            variance, gamma = random.uniform(0.5, 1.5, (2, shape[0]))
            whole[f"{name}/0"] = kernel
            whole |= {f"{name}/bn/0": 5 * mean, f"{name}/bn/1": 5 * variance}
            whole |= {f"{name}/bn/2": np.array([5.0])}
            whole |= {f"{name}/scale/0": gamma, f"{name}/scale/1": bias}
            scale = gamma / np.sqrt(variance + 1e-5)
            merged[f"{name}/0"] = kernel * scale[:, None, None, None]
            merged[f"{name}/1"] = bias - mean * scale
    weights.load(model, whole)
    weights.load(other, merged)
    pictures = draw.pictures(1, 64, 64)
    first, second = model(pictures), other(pictures)
    for name in ("logits", "deltas"):
        draw.assert_close(second[name], first[name])
        assert np.std(first[name]) > 0.1


def _caffe_layers():
    return [
        *(f"conv{i}" for i in range(14)),
        *(f"conv{i}/dw" for i in range(1, 14)),
        *(f"conv{i}_{j}" for i in range(14, 18) for j in (1, 2)),
    ]
