"""What the machine's checks say of machines that are not here."""

import json

import pytest

from kzoo.train.diagnosis import FAIL, PASS, WARN, Check, environment
from kzoo.train.diagnosis.check import grade, worst

REQUIRED = ["tensorflow<2.22,>=2.21", "keras<3.16,>=3.15", "tensorflow[and-cuda]>1"]


@pytest.mark.parametrize(
    "keras, verdict", [("3.15.1", PASS), ("3.16.0", WARN), ("2.15.0", WARN)]
)
def test_versions(keras, verdict):
    found = {"tensorflow": "2.21.0", "keras": keras}
    check = environment.versions(found.get, REQUIRED)
    assert check.verdict == verdict
    assert ("'keras<3.16,>=3.15'" in str(check)) == (verdict == WARN)


@pytest.mark.parametrize(
    "seen, driver, built, missing, verdict, words",
    [
        (["GPU:0"], "570.1", True, [], PASS, "1: GPU:0"),
        ([], None, True, [], WARN, "on the CPU"),
        ([], "570.1", False, [], FAIL, "for CPUs alone: pip install 'kzoo[gpu]'"),
        ([], "570.1", True, ["libcudnn"], FAIL, "kzoo[gpu]' brings nvidia-cudnn"),
        ([], "570.1", True, [], FAIL, "nvidia-smi"),
    ],
)
def test_gpus(seen, driver, built, missing, verdict, words):
    check = environment.gpu_check(seen, driver, built, missing)
    assert check.verdict == verdict and words in str(check)


def test_the_driver_tells_its_version(tmp_path):
    file = tmp_path / "version"
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar 5\n"
    file.write_text(text)
    assert environment.nvidia_driver(file) == "550.54.15"


def test_a_library_that_is_no_library_is_missing(tmp_path):
    (tmp_path / "libcudnn.so.9").write_text("this is no library")
    assert "libcudnn" in environment.missing_libraries([tmp_path])


@pytest.mark.parametrize(
    "code, text, verdict, words",
    [
        (0, "sum 3.0 of 2 parts of the CPU\n", PASS, "2 parts of the CPU added to 3"),
        (0, "sum 10.0 of 4 GPUs\n", PASS, "4 GPUs"),
        (0, "sum 2.0 of 2 GPUs\n", FAIL, "added to 2"),
        (-7, "", FAIL, "ended by SIGBUS"),
        (1, "a\nInternalError: NCCL", FAIL, "InternalError: NCCL"),
        (None, "", FAIL, "nothing after three minutes"),
    ],
)
def test_devices_that_add(code, text, verdict, words):
    check = environment.adding_check(code, text)
    assert check.verdict == verdict and words in str(check)


def test_this_machine_compiles_and_computes_in_float32():
    assert environment.xla().verdict == PASS
    assert "float32" in environment.precisions().values["milliseconds"]


@pytest.mark.slow
def test_two_devices_of_this_machine_add():
    assert environment.several_devices().verdict == PASS


def test_grades():
    ranges = {"good": (1, 2), "bearable": (0, 3)}
    found = [grade(x, **ranges) for x in (1, 2.5, 4, float("nan"))]
    assert found == [PASS, WARN, FAIL, FAIL]
    assert worst(found) == FAIL and worst([]) == PASS


def test_advice_is_given_where_it_is_needed():
    check = Check("loss", PASS, "1", "2", "do this")
    assert str(check) == "PASS  loss: 1; expected 2"
    check = Check("loss", WARN, "1", "2", "do this", {"x": 1})
    assert str(check) == "WARN  loss: 1; expected 2. do this"
    json.dumps(vars(check))
