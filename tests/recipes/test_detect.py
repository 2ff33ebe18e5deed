"""recipes.detect from flags to files, on two batches."""

import csv
import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image

import kzoo
from kzoo.train import CheckpointError
from tests.recipes.conftest import SETTINGS, program, run_detect


def test_every_file_of_a_run_is_there(workdir):
    names = "config.flags log.csv curves.png predictions.png report.json".split()
    for name in [*names, "checkpoint/state.npz", "model/model.json"]:
        assert (workdir / name).stat().st_size > 0, name
    assert {path.name for path in (workdir / "export").iterdir()} == {
        "saved_model",
        "model_float32.tflite",
        "model.onnx",
    }


def test_the_report_has_what_programs_rely_on(workdir):
    report = json.loads((workdir / "report.json").read_text())
    assert {"mAP", "AP50", "AP75", "seconds", "commit", "versions"} <= set(report)
    assert set(report["formats"]) == {"saved_model", "tflite_float32", "onnx"}
    for row in report["formats"].values():
        assert set(row) == {"mAP", "max_error", "bytes", "ms"}
        assert row["max_error"] < 1e-4


def test_the_pictures_can_be_opened_and_are_not_empty(workdir):
    for name in ("curves.png", "predictions.png"):
        picture = np.asarray(Image.open(workdir / name).convert("RGB"))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_the_log_counts_every_step(workdir):
    with open(workdir / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    # 8 pictures in batches of 4.
    assert rows[-1]["step"] == "2"
    assert float(rows[-1]["loss"]) == pytest.approx(
        float(rows[-1]["class_loss"]) + float(rows[-1]["box_loss"])
    )


def test_load_gives_the_trained_model_with_its_names(workdir):
    model = kzoo.load(workdir)
    assert model.task.class_names == ["circle", "square", "triangle", "star"]
    (seen,) = kzoo.predict(model, np.zeros((50, 70, 3), "uint8"))
    assert set(seen) == {"boxes", "scores", "classes", "names"}


def test_config_flags_hold_every_flag_and_can_be_given_back(workdir):
    text = (workdir / "config.flags").read_text()
    for name in [*SETTINGS, "learning_rate", "seed", "strategy", "precision", "data"]:
        assert f"--{name}=" in text, name
    again = flags.FLAGS.__class__()
    again.append_flag_values(flags.FLAGS)
    with flagsaver.flagsaver():
        again(["detect", f"--flagfile={workdir / 'config.flags'}"])
        assert again["image_size"].value == SETTINGS["image_size"]
        assert again["model"].value == SETTINGS["model"]


def test_a_second_run_continues(tmp_path):
    run_detect(tmp_path, export=[])
    before = (tmp_path / "checkpoint" / "state.npz").read_bytes()
    run_detect(tmp_path, export=[])
    assert (tmp_path / "checkpoint" / "state.npz").read_bytes() == before
    run_detect(tmp_path, export=[], epochs=2)
    steps = [row["step"] for row in csv.DictReader(open(tmp_path / "log.csv"))]
    assert steps == ["2", "4"]


def test_a_workdir_of_another_run_is_refused_and_untouched(tmp_path):
    run_detect(tmp_path, export=[])
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.npz")}
    config = (tmp_path / "config.flags").read_text()
    with pytest.raises(CheckpointError, match="holds a run with batch_size 4, not 2"):
        run_detect(tmp_path, export=[], batch_size=2)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.npz")} == before
    assert (tmp_path / "config.flags").read_text() == config


@pytest.mark.slow
def test_two_logical_devices_run_from_flags_to_files(tmp_path):
    settings = {**SETTINGS, "image_size": 64, "workdir": tmp_path, "export": ""}
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    code, text = program(
        "recipes.detect", *arguments, "--cpu_devices=2", "--strategy=mirrored"
    )
    assert code == 0, text
    assert "2 device(s)" in text
    assert json.loads((tmp_path / "report.json").read_text())["mAP"] is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    "flag, words",
    [
        ("--model=retinant", "no detection model 'retinant'; kzoo has retinanet, "),
        ("--backbone=resnet19", "no classification model 'resnet19'; kzoo has "),
        ("--data=cocoa:x", "no data source 'cocoa:x'; it can be scenes, tfds:NAME"),
        ("--data=coco:/nowhere", "there is no folder '/nowhere'"),
        ("--precision=fp8", "value should be one of <float32|mixed_bfloat16|"),
        ("--image_size=0", "--image_size takes a side or height,width, in pixels"),
        ("--export=coreml", "no format 'coreml'; kzoo has saved_model, tflite_float32"),
        ("--validation_split=vall", "has no split 'vall'; it has test, train, "),
        ("--backbone=resnet18(deep=2)", "resnet18 has no argument 'deep'; it has "),
        ("--box_loss=iou", "--box_loss: retinanet_v2 has no iou; it has smooth_l1, "),
        ("--anchors=nowhere.json", "--anchors: nowhere.json is no file of recipes."),
        ("--anchor_scale=0", "--anchor_scale is above 0"),
        ("--model=retinanet(width=2)", "retinanet has no argument 'width'; it has "),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_the_choices(flag, words, tmp_path):
    code, text = program("recipes.detect", flag, f"--workdir={tmp_path}")
    assert code == 1
    assert words in text
    assert "Traceback" not in text
