"""recipes.doctor from flags to files and exit code, as a person runs it."""

import json

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from recipes import doctor as recipe
from tests.recipes.conftest import program

SMALL = (
    "--image_size=32",
    "--train_examples=16",
    "--validation_examples=8",
    "--range_steps=20",
    "--overfit_pictures=4",
)
CLASSIFIER = ("--model=resnet18(width=0.125)", *SMALL)
DETECTOR = (
    "--model=retinanet(filters=8, depth=1)",
    "--backbone=resnet18(width=0.125)",
    "--overfit_steps=10",
    *SMALL,
)


def doctor(workdir, *arguments):
    """(exit code, output, {name of a check: its row in report.json})."""
    code, text = program("recipes.doctor", f"--workdir={workdir}", *arguments)
    assert (workdir / "report.json").exists(), text
    report = json.loads((workdir / "report.json").read_text())
    assert {"seconds", "commit", "versions"} <= set(report)
    return code, text, {row["name"]: row for row in report["checks"]}


@pytest.mark.slow
def test_a_sound_classifier(tmp_path):
    code, text, checks = doctor(tmp_path, *CLASSIFIER)
    verdicts = {name: row["verdict"] for name, row in checks.items()}
    assert code == ("FAIL" in verdicts.values()), text
    for name in ("versions", "XLA", "several devices", "gradients", "dead ReLUs"):
        assert verdicts[name] == "PASS", text
    # So narrow a network begins with odds that eight pictures tell from even ones.
    assert verdicts["initial loss"] != "FAIL", text
    assert verdicts["learns 4 pictures by heart"] == "PASS", text
    for row in checks.values():
        assert f"{row['verdict']}  {row['name']}: {row['measured']}" in text
    for name in ("batch.png", "lr_range.png", "doctor.png"):
        picture = np.asarray(Image.open(tmp_path / name).convert("RGB"))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10, name


@pytest.mark.slow
def test_a_detector_that_has_no_time_fails(tmp_path):
    code, text, checks = doctor(tmp_path, *DETECTOR, "--checks=data,network,overfit")
    assert checks["prior of objects"]["verdict"] == "PASS", text
    assert {"sizes of boxes", "anchors", "dead ReLUs"} <= set(checks)
    # Ten steps teach a detector nothing.
    assert checks["learns 4 pictures by heart"]["verdict"] == "FAIL"
    assert code == 1
    assert not (tmp_path / "lr_range.png").exists()


@pytest.mark.slow
def test_a_learning_rate_of_a_hundred_fails(tmp_path):
    arguments = ("--learning_rate=100", "--checks=network")
    code, text, checks = doctor(tmp_path, *CLASSIFIER, *arguments)
    assert code == 1
    row = checks["size of updates over weights"]
    assert row["verdict"] == "FAIL" and "lower --learning_rate" in row["advice"]


@pytest.mark.slow
def test_what_a_person_can_mend_is_one_line(tmp_path):
    code, text = program("recipes.doctor", "--data=cocoa:x", f"--workdir={tmp_path}")
    assert code == 1
    assert "no data source 'cocoa:x'; it can be scenes, tfds:NAME" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "flag, words",
    [
        ({"model": "resnet19"}, "--model: no model 'resnet19'; kzoo has "),
        ({"checks": ["blood"]}, "--checks: no part 'blood'; it has environment, "),
        ({"backbone": "resnet19"}, "--backbone: no classification model 'resnet19'"),
    ],
)
def test_a_wrong_flag_names_the_choices(flag, words):
    with flagsaver.flagsaver(**flag), pytest.raises(ValueError) as error:
        recipe.check_flags()
    assert words in str(error.value)
