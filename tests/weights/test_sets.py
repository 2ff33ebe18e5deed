"""Published sets by name: which there are, what a model gets of them, what it says."""

import inspect
import re
import shutil
import types

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import kzoo
from kzoo import models, weights
from kzoo.weights import catalogue, download
from kzoo.weights.families import LAYOUTS, PUBLISHED
from kzoo.weights.readers import keras_files, reader_of
from tests.golden import draw
from tests.golden.reference import FOLDER, about

SHAPE = (64, 64, 3)
SMALL = {"width": 0.35, "input_shape": SHAPE}
LICENCES = (
    "Apache-2.0|BSD-[23](-Clause)?(, academic use)?|MIT|CC-BY(-NC)?-4.0|"
    "unrestricted|none stated"
)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KZOO_OFFLINE", "1")


@pytest.fixture
def theirs(offline):
    """Keras' file of MobileNetV2 0.35, drawn, where a download would put it.

    Of Keras 2: the last layer and depthwise kernels had other names.
    """
    drawn = draw.weights(about(FOLDER / "mobilenet_v2_35.npz")["shapes"])
    url = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224.h5"
    (row,) = (row for row in weights.table() if row.url.endswith(url))
    path = download.place(row.url)
    path.parent.mkdir(parents=True)
    groups = {}
    for name, array in drawn.items():
        layer, _, variable = name.partition("/")
        if layer.endswith("depthwise"):
            variable = f"depthwise_{variable}"
        layer = layer.replace("predictions", "Logits")
        groups.setdefault(layer, {})[f"{layer}/{variable}:0"] = array
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = list(groups)
        for layer, arrays in groups.items():
            file.create_group(layer).attrs["weight_names"] = list(arrays)
            for name, array in arrays.items():
                file[layer][name] = array
    return drawn


def values(model):
    return {w.path: w.numpy() for w in model.weights}


def test_a_model_gets_its_weights_and_the_names_of_its_classes(
    theirs, tmp_path, capsys
):
    model = models.mobilenet_v2(weights="imagenet", **SMALL)
    ours = values(model)
    np.testing.assert_array_equal(ours["logits/kernel"], theirs["predictions/kernel"])
    np.testing.assert_array_equal(
        ours["block2_depthwise_conv/kernel"], theirs["block_1_depthwise/kernel"]
    )
    assert model.task.class_names[0] == "tench"
    assert capsys.readouterr().out == (
        "262 weights from imagenet, mobilenet_v2_weights_tf_dim_ordering_tf_kernels_"
        "0.35_224.h5 (keras.applications MobileNetV2)\n"
    )
    kzoo.save(model, tmp_path / "saved")
    again = kzoo.load(tmp_path / "saved")
    assert again.task.class_names == model.task.class_names
    np.testing.assert_array_equal(
        values(again)["stem_conv/kernel"], ours["stem_conv/kernel"]
    )


def test_other_classes_get_a_new_head_and_all_else(theirs, capsys):
    model = models.mobilenet_v2(classes=5, **SMALL)
    before = values(model)
    report = weights.load(model, "imagenet")
    assert report.renewed == ["logits/kernel", "logits/bias"] == report.kept
    assert len(report.loaded) == len(model.weights) - 2
    after = values(model)
    np.testing.assert_array_equal(before["logits/kernel"], after["logits/kernel"])
    np.testing.assert_array_equal(after["head_conv/kernel"], theirs["Conv_1/kernel"])
    assert model.task.class_names == ["0", "1", "2", "3", "4"]
    line = capsys.readouterr().out
    assert line.endswith("; new, since the classes are others: logits\n")


def test_a_path_of_the_same_file_must_fit_as_a_whole(theirs):
    row = next(r for r in weights.table() if "kernels_0.35_224" in r.url)
    with pytest.raises(ValueError, match="logits/kernel.*load_backbone"):
        models.mobilenet_v2(classes=5, weights=download.place(row.url), **SMALL)


def test_a_set_that_lacks_a_weight_is_refused(theirs):
    path = download.place(
        next(r.url for r in weights.table() if "kernels_0.35_224" in r.url)
    )
    with h5py.File(path, "a") as file:
        del file["Conv_1"].attrs["weight_names"]
        file["Conv_1"].attrs["weight_names"] = ["Conv_1/none:0"]
        file["Conv_1"]["Conv_1/none:0"] = np.zeros(2)
    with pytest.raises(ValueError, match="lacks head_conv/kernel"):
        models.mobilenet_v2(classes=5, weights="imagenet", **SMALL)


def test_a_features_model_and_a_detector_take_the_set_of_a_classifier(theirs):
    features = models.mobilenet_v2(classes=None, weights="imagenet", **SMALL)
    detector = models.retinanet(
        classes=3, backbone="mobilenet_v2(width=0.35)", input_shape=SHAPE, filters=8
    )
    assert "imagenet_96" in weights.names(detector)
    assert weights.load(detector, "imagenet").loaded
    assert weights.load_backbone(detector, "imagenet").kept
    expected, ours = values(features), values(detector)
    for name, value in expected.items():
        np.testing.assert_array_equal(value, ours[name])
    assert detector.task.class_names == ["0", "1", "2"]


def test_a_saved_detector_needs_its_backbones_set_no_more(
    theirs, tmp_path, monkeypatch
):
    backbone = "mobilenet_v2(width=0.35, weights='imagenet')"
    detector = models.retinanet(
        classes=3, backbone=backbone, input_shape=SHAPE, filters=8
    )
    np.testing.assert_array_equal(
        values(detector)["stem_conv/kernel"], theirs["Conv1/kernel"]
    )
    kzoo.save(detector, tmp_path / "saved")
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path / "empty"))
    again = kzoo.load(tmp_path / "saved")
    assert again.spec.arguments["backbone"] == "mobilenet_v2(width=0.35)"
    expected = values(detector)
    for name, value in values(again).items():
        np.testing.assert_array_equal(value, expected[name])


def test_sets_are_of_a_width():
    assert weights.names("mobilenet_v2(width=1.4)") == ["imagenet"]
    assert "imagenet_96" in weights.names("mobilenet_v2")
    assert weights.names("mobilenet_v2(width=0.4)") == []
    assert weights.names("resnet18(width=0.5)") == []


def test_an_unknown_set_names_the_choices():
    model = models.mobilenet_v2(classes=2, **SMALL)
    with pytest.raises(ValueError, match="no weights 'imagenet_v3'; it has imagenet, "):
        weights.load(model, "imagenet_v3")
    with pytest.raises(ValueError, match="no model 'mobilenet'; kzoo has"):
        weights.names("mobilenet")
    narrow = {"width": 0.25, "input_shape": SHAPE}
    with pytest.raises(ValueError, match="imagenet of mobilenet_v2.width=0.35"):
        models.mobilenet_v2(weights="imagenet", **narrow)
    with pytest.raises(ValueError, match="none are published; a path"):
        weights.load(model_without_sets(), "coco")


def model_without_sets():
    model = models.retinanet(
        classes=1, backbone="resnet18(width=0.125)", input_shape=SHAPE, filters=8
    )
    model.spec = None
    return model


def test_a_download_is_of_the_network_that_it_was_published_for(offline, tmp_path):
    """timm's own MobileNetV3 and its tf_ one have the same names and shapes."""
    drawn = draw.weights(
        about(FOLDER / "mobilenet_v3_small_tf_mobilenetv3_small_100.npz")["shapes"]
    )
    sets = weights.sets("mobilenet_v3_small")
    path = download.place(next(r.url for r in sets if "tf_mobilenetv3" in r.url))
    path.parent.mkdir(parents=True)
    save_file(drawn, path)
    ours = models.mobilenet_v3_small(input_shape=SHAPE)
    other = models.mobilenet_v3_small_torchvision(input_shape=SHAPE)
    assert weights.load(ours, "timm").loaded == weights.load(ours, path).loaded
    with pytest.raises(ValueError, match="weights of mobilenet_v3_small; .* another"):
        weights.load(other, path)
    # Elsewhere nothing says which of the two it is.
    elsewhere = shutil.copy(path, tmp_path / "model.safetensors")
    assert weights.load(other, elsewhere).loaded
    assert not np.array_equal(
        values(ours)["stem_bn/moving_variance"],
        values(other)["stem_bn/moving_variance"],
    )


def test_a_path_that_looks_like_no_set_is_a_path(tmp_path):
    model = models.mobilenet_v2(classes=2, **SMALL)
    for source in ("none.npz", "folder/imagenet", tmp_path / "imagenet"):
        with pytest.raises(FileNotFoundError):
            weights.load(model, source)


def test_without_network_the_error_says_where_the_file_goes(offline):
    with pytest.raises(ConnectionError) as error:
        models.resnet18(weights="imagenet")
    for word in (
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        str(download.cache() / "download.pytorch.org/models/resnet18-f37072fd.pth"),
    ):
        assert word in str(error.value)


def test_numbered_variables_are_found_by_the_models_own(tmp_path, monkeypatch):
    """A layer that no table knows, as Keras' files have it: by numbers."""
    arguments = {"classes": 2, "width": 0.25, "input_shape": SHAPE}
    model = models.mobilenet_v2(**arguments)
    drawn = draw.weights({w.path: tuple(w.shape) for w in model.weights})
    for weight in model.weights:
        weight.assign(drawn[weight.path])
    model.save_weights(tmp_path / "file.weights.h5")
    kinds = {k: v for k, v in keras_files._KINDS.items() if k != "depthwise_conv2d"}
    monkeypatch.setattr(keras_files, "_KINDS", kinds)
    fresh = models.mobilenet_v2(**arguments)
    weights.load(fresh, tmp_path / "file.weights.h5")
    for name, value in values(fresh).items():
        np.testing.assert_array_equal(value, drawn[name])


def test_names_of_classes():
    """Counts as published; torchvision's COCO has a background and 10 gaps."""
    for classes, count in {"imagenet": 1000, "cifar10": 10, "coco": 80}.items():
        assert len(set(weights.class_names(classes))) == count
    coco = weights.class_names("coco91")
    assert len(coco) == 91 and coco.count("N/A") == 10 and coco[0] == "__background__"
    assert weights.class_names("imagenet")[999] == "toilet tissue"
    assert weights.class_names("coco")[79] == coco[90] == "toothbrush"
    assert weights.class_names("vggface2") == ()  # people, whose names nobody gives


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda r: f"{r.builder}-{r.name}")
def test_each_row_is_complete(row):
    parameters = inspect.signature(getattr(models, row.builder)).parameters
    assert set(row.arguments) <= set(parameters)
    assert reader_of(download.place(row.url).name)
    assert re.fullmatch(r"(sha256|sha1|md5):[0-9a-f]{8,64}|", row.hash)
    assert re.fullmatch(LICENCES, row.licence)
    assert row.score and row.classes
    assert re.fullmatch(r"[a-z0-9_-]+", row.name)
    assert any(row.builder in layout.builders for layout in LAYOUTS)


def test_no_two_rows_have_one_name():
    rows = [(r.builder, r.name, *sorted(r.arguments.items())) for r in PUBLISHED]
    assert len(set(rows)) == len(rows)


def test_the_name_of_the_classes_is_a_builders_first_set():
    """So that weights="imagenet" works wherever anything is published."""
    for builder in {row.builder for row in PUBLISHED}:
        first = next(row for row in PUBLISHED if row.builder == builder)
        spec = models.registry.Spec(builder, first.arguments)
        found = catalogue.find(types.SimpleNamespace(spec=spec), first.classes)
        assert found.builder == builder and found.classes == first.classes
