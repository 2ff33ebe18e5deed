"""The export programs as people start them: from flags to files to the table.

In processes of their own, since two programs' flags may have one name.
"""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

import kzoo
from kzoo import deploy
from kzoo.ops.anchors import Anchors


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with an untrained detector of the drawn scenes' classes."""
    keras.utils.set_random_seed(0)
    strides = (8, 16, 32, 64, 128)
    model = kzoo.build(
        "retinanet",
        classes=4,
        backbone="resnet18(width=0.125)",
        input_shape=(64, 64, 3),
        filters=8,
        depth=1,
        anchors=Anchors(strides, tuple(((2 * s, 2 * s),) for s in strides)),
    )
    model.task.class_names = ["circle", "square", "triangle", "star"]
    model.task.score_threshold = 0.001
    folder = tmp_path_factory.mktemp("run")
    kzoo.save(model, folder / "model")
    return folder


def start(program, *flags):
    """(exit status, what was printed, what was complained about)."""
    done = subprocess.run(
        [sys.executable, "-m", f"export.{program}", *flags],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_file_lies_in_the_runs_export_folder(run):
    status, printed, complaints = start("saved_model", f"--model={run}")
    assert status == 0, complaints
    # One line: the path and the size.
    (line,) = printed.splitlines()
    path, size, unit = line.split()
    assert path == str(run / "export" / "saved_model")
    assert float(size) == pytest.approx(deploy.size_of(path) / 1e6, abs=0.01)
    assert deploy.inspect(path)["class_names"][2] == "triangle"


@pytest.mark.parametrize("value", ["float64", "int8,half"])
def test_an_unknown_precision_names_those_there_are(value, run):
    status, _, complaints = start("tflite", f"--model={run}", f"--precision={value}")
    assert status != 0
    assert "float32, float16, dynamic, int8" in complaints


@pytest.mark.slow
def test_from_flags_to_files_to_the_table(run):
    flags = f"--model={run}", f"--output={run / 'all'}"
    assert start("saved_model", *flags)[0] == 0
    assert start("onnx", *flags)[0] == 0
    both = "--precision=float32,int8"
    status, printed, complaints = start("tflite", *flags, both, "--calibration=100")
    assert status == 0, complaints
    paths = [line.split()[0] for line in printed.splitlines()]
    names = ["model_float32.tflite", "model_int8.tflite"]
    assert paths == [str(run / "all" / name) for name in names]

    status, printed, complaints = start("check", *flags, "--examples=3")
    assert status == 0, complaints
    title, *rows = [line.split() for line in printed.splitlines()]
    assert title == ["format", "size", "error", "mAP", "ms"]
    assert [row[0] for row in rows] == ["keras", "saved_model", *names, "model.onnx"]
    error = {row[0]: float(row[3]) for row in rows}
    for name in ("saved_model", "model_float32.tflite", "model.onnx"):
        assert error[name] < 1e-4


@pytest.mark.slow
def test_nms_can_be_left_out(run, tmp_path):
    status, _, complaints = start(
        "onnx", f"--model={run}", "--nonms", f"--output={tmp_path}"
    )
    assert status == 0, complaints
    assert deploy.inspect(tmp_path / "model.onnx")["nms"] is None


@pytest.mark.slow
def test_nothing_to_check_says_what_could_be(run, tmp_path):
    status, _, complaints = start("check", f"--model={run}", f"--output={tmp_path}")
    assert status != 0
    assert "nothing to check" in complaints and "model_int8.tflite" in complaints


@pytest.mark.slow
def test_too_few_pictures_for_int8_are_an_error(run):
    flags = f"--model={run}", "--precision=int8", "--calibration=7"
    status, _, complaints = start("tflite", *flags)
    assert status != 0 and "7 different calibration pictures" in complaints
