"""Weights go in whole, or not at all and with the names that miss."""

import numpy as np
import pytest
from safetensors.numpy import save_file

import kzoo
from kzoo import models, weights
from tests.golden import draw
from tests.golden.reference import FOLDER, about

SHAPE = (64, 64, 3)


@pytest.fixture(scope="module")
def torchvision():
    """A state dict of MobileNetV2 with drawn weights."""
    return draw.weights(about(FOLDER / "mobilenet_v2_torchvision.npz")["shapes"])


@pytest.fixture(scope="module")
def small():
    """A model that is quick to build, with weights unlike its first ones."""
    model = models.mobilenet_v2(classes=5, width=0.25, input_shape=SHAPE)
    return randomize(model)


def randomize(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def values(model):
    return {w.path: w.numpy() for w in model.weights}


def assert_equal(model, expected):
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".weights.h5", ""])
def test_each_kind_of_file_gives_back_what_went_in(small, tmp_path, ending):
    path = tmp_path / f"file{ending}"
    if ending == ".npz":
        np.savez(path, **values(small))
    elif ending == ".safetensors":
        save_file(values(small), path)
    elif ending == ".weights.h5":
        small.save_weights(path)
    else:
        kzoo.save(small, path)
    fresh = models.mobilenet_v2(classes=5, width=0.25, input_shape=SHAPE)
    report = weights.load(fresh, path)
    assert_equal(fresh, values(small))
    assert (len(report.loaded), report.skipped, report.kept) == (262, [], [])


def test_a_builder_takes_a_file_of_weights(small, tmp_path, capsys):
    np.savez(tmp_path / "file.npz", **values(small))
    path = str(tmp_path / "file.npz")
    fresh = kzoo.build(
        "mobilenet_v2", classes=5, width=0.25, input_shape=SHAPE, weights=path
    )
    assert_equal(fresh, values(small))
    assert capsys.readouterr().out == f"262 weights from {path} (kzoo)\n"


def test_half_precision_files_are_widened(small):
    halves = {name: x.astype("float16") for name, x in values(small).items()}
    fresh = models.mobilenet_v2(classes=5, width=0.25, input_shape=SHAPE)
    weights.load(fresh, halves)
    assert_equal(fresh, {n: x.astype("float32") for n, x in halves.items()})


def test_a_features_model_takes_all_but_the_head(torchvision):
    features = models.mobilenet_v2_torchvision(classes=None, input_shape=SHAPE)
    report = weights.load(features, torchvision)
    head = {"head_conv", "head_bn", "logits"}
    assert {name.split("/")[0] for name in report.skipped} == head
    assert len(report.loaded) == len(features.weights) and not report.kept
    kernel = torchvision["features.17.conv.2.weight"]
    np.testing.assert_array_equal(
        values(features)["block17_project_conv/kernel"][0, 0], kernel[:, :, 0, 0].T
    )


def test_a_classifiers_file_fills_a_detectors_backbone(torchvision, capsys):
    model = models.retinanet(
        classes=3, backbone="mobilenet_v2_torchvision", input_shape=SHAPE, filters=16
    )
    before = values(model)
    report = weights.load(model, torchvision)
    after = values(model)
    behind = ("P3", "P4", "P5", "P6", "P7", "logits", "deltas")
    assert all(name.startswith(behind) for name in report.kept)
    assert len(report.loaded) + len(report.kept) == len(model.weights)
    for name in report.kept:
        np.testing.assert_array_equal(before[name], after[name])
    features = models.mobilenet_v2_torchvision(classes=None, input_shape=SHAPE)
    weights.load(features, torchvision)
    assert sorted(values(features)) == sorted(report.loaded)
    for name, value in values(features).items():
        np.testing.assert_array_equal(value, after[name])
    line = capsys.readouterr().out.splitlines()[0]
    assert "; not used: head_conv, head_bn, logits; as they were: P5_lateral, " in line
    assert line.endswith(" more")


def test_load_backbone_keeps_a_classifiers_own_head(torchvision):
    model = models.mobilenet_v2_torchvision(classes=7, input_shape=SHAPE)
    before = values(model)
    report = weights.load_backbone(model, torchvision)
    kept = [name for name in before if name.startswith(("head", "logits"))]
    assert report.kept == kept
    np.testing.assert_array_equal(
        before["logits/kernel"], values(model)["logits/kernel"]
    )


def test_stages_that_a_detector_has_no_use_for_stay_in_the_file():
    """Its backbone ends at C4; of a deeper network nothing may be left over."""
    detector = models.yolo_v1_tiny(
        backbone="resnet18(width=0.125)", input_shape=(32, 32, 3), stride=16, filters=8
    )
    small = {"classes": 3, "width": 0.125, "input_shape": (32, 32, 3)}
    classifier = models.resnet18(**small)
    arrays = {w.path: np.full(w.shape, 2.0, w.dtype) for w in classifier.weights}
    report = weights.load_backbone(detector, arrays)
    assert np.all(detector.get_layer("stage4_block2_2_conv").kernel == 2.0)
    left = {w.path for w in classifier.weights if "stage5" in w.path}
    assert left and left == {name for name in report.skipped if "stage5" in name}
    deeper = {w.path: np.zeros(w.shape) for w in models.resnet34(**small).weights}
    with pytest.raises(ValueError, match="the model has no stage2_block3"):
        weights.load_backbone(detector, deeper)


def test_load_backbone_takes_a_detectors_file(tmp_path):
    arguments = {"backbone": "mobilenet_v2(width=0.25)", "input_shape": SHAPE}
    trained = randomize(models.retinanet(classes=3, filters=16, **arguments))
    kzoo.save(trained, tmp_path / "trained")
    model = models.retinanet(classes=8, filters=24, **arguments)
    with pytest.raises(ValueError, match="load_backbone takes all but the head"):
        weights.load(model, tmp_path / "trained")
    report = weights.load_backbone(model, tmp_path / "trained")
    after, expected = values(model), values(trained)
    for name in report.loaded:
        np.testing.assert_array_equal(after[name], expected[name])
    assert "stem_conv/kernel" in report.loaded and "logits_5/bias" in report.kept


@pytest.fixture(scope="module")
def model():
    return models.mobilenet_v2(classes=5, width=0.25, input_shape=SHAPE)


def refuse(model, source, *words):
    """Nothing is loaded in part: one line of error, and the model as it was."""
    before = values(model)
    with pytest.raises(ValueError) as error:
        weights.load(model, source)
    assert_equal(model, before)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_refuses_text_for_numbers(model, small):
    arrays = values(small)
    arrays["logits/bias"] = np.array(list("abcde"))
    refuse(model, arrays, "logits/bias", "no numbers")


def test_refuses_a_missing_weight(model, small):
    arrays = values(small)
    del arrays["block3_expand_bn/beta"]
    refuse(model, arrays, "lacks block3_expand_bn/beta")


def test_refuses_a_weight_too_many(model, small):
    arrays = values(small) | {"block18_expand_conv/kernel": np.zeros(3)}
    refuse(model, arrays, "has no block18_expand_conv/kernel")


def test_refuses_a_classifier_without_its_head(model, small):
    arrays = {n: x for n, x in values(small).items() if not n.startswith("logits")}
    refuse(model, arrays, "lacks logits/kernel, logits/bias", "load_backbone")


def test_refuses_other_classes(small, tmp_path):
    kzoo.save(small, tmp_path / "five")
    model = models.mobilenet_v2(classes=6, width=0.25, input_shape=SHAPE)
    words = ("(1280, 5) there and (1280, 6) here", "load_backbone")
    refuse(model, tmp_path / "five", *words)


def test_refuses_another_width(small):
    model = models.mobilenet_v2(classes=5, width=0.5, input_shape=SHAPE)
    refuse(model, values(small), "stem_conv/kernel", "more")


def test_refuses_a_network_that_only_looks_alike(model, torchvision):
    refuse(model, torchvision, "mobilenet_v2_torchvision", "another network")


def test_refuses_a_detector_on_a_backbone_that_only_looks_alike(torchvision):
    model = models.retinanet(backbone="mobilenet_v2", input_shape=SHAPE, filters=8)
    refuse(model, torchvision, "mobilenet_v2_torchvision", "another network")


def test_refuses_a_folder_of_another_network(tmp_path):
    kzoo.save(
        models.resnet18(width=0.125, input_shape=SHAPE, classes=2), tmp_path / "m"
    )
    model = models.resnet50_v1(width=0.125, input_shape=SHAPE, classes=2)
    refuse(model, tmp_path / "m", "weights of resnet18", "resnet50_v1")


def test_refuses_names_that_nobody_knows(model):
    refuse(model, {"a.b": np.zeros(2)}, "a.b", "torchvision ResNet", "kzoo")


def test_refuses_an_empty_file(model, tmp_path):
    np.savez(tmp_path / "empty.npz")
    refuse(model, tmp_path / "empty.npz", "nothing")


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".weights.h5"])
@pytest.mark.parametrize("content", [b"", b"\x93not what it says", b"PK\x03\x04"])
def test_refuses_a_damaged_file(model, tmp_path, ending, content):
    path = tmp_path / f"file{ending}"
    path.write_bytes(content)
    refuse(model, path, str(path), "cannot be read")


def test_refuses_a_truncated_file(model, small, tmp_path):
    small.save_weights(tmp_path / "file.weights.h5")
    content = (tmp_path / "file.weights.h5").read_bytes()
    (tmp_path / "file.weights.h5").write_bytes(content[: len(content) // 2])
    refuse(model, tmp_path / "file.weights.h5", "cannot be read")


def test_pickles_are_not_opened(model, tmp_path):
    np.savez(tmp_path / "file.npz", **{"stem_conv/kernel": np.array([print])})
    refuse(model, tmp_path / "file.npz", "cannot be read")


def test_refuses_another_kind_of_file(model, tmp_path):
    (tmp_path / "file.onnx").write_bytes(b"")
    refuse(model, tmp_path / "file.onnx", "file.onnx", ".npz, .safetensors")


def test_refuses_no_file(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.npz"):
        weights.load(model, tmp_path / "none.npz")
