"""recipes.launch: what becomes of the workers, their output and their exit codes."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tests.recipes.conftest import program

ROOT = pathlib.Path(__file__).parents[2]
NUMBER = """
import json, os, signal, sys, time
config = json.loads(os.environ["TF_CONFIG"])
number = config["task"]["index"]
"""


def launch(code, *words, count=2):
    """(exit code, sorted lines that it wrote)."""
    code, text = program(
        "recipes.launch", "-n", count, "--", "-c", NUMBER + code, *words
    )
    return code, sorted(text.splitlines())


def test_workers_find_their_part_and_their_words_and_are_told_apart():
    code, lines = launch('print("part", number, *sys.argv[1:])', "--seed=3", count=3)
    assert code == 0
    assert lines == [f"[{i}] part {i} --seed=3" for i in range(3)]


def test_all_workers_are_told_the_same_addresses():
    code, lines = launch('print(json.dumps(config["cluster"]["worker"]))')
    first, second = (json.loads(line.split(" ", 1)[1]) for line in lines)
    assert first == second and len(set(first)) == 2
    assert all(address.startswith("localhost:") for address in first)


def test_what_goes_wrong_is_forwarded_too():
    code, lines = launch('print("oops", file=sys.stderr)')
    assert code == 0 and lines == ["[0] oops", "[1] oops"]


@pytest.mark.parametrize(
    "death, expected", [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)]
)
def test_one_that_dies_ends_all_and_gives_its_code(death, expected, monkeypatch):
    """The other would sleep for an hour: it gets a second here, not half a minute."""
    program = f"""
from recipes import launch
from absl import app
launch.GRACE = 1
app.run(launch.main, argv=["launch", "-n", "2", "--", "-c", {NUMBER!r} + '''
if number == 1:
    {death}
time.sleep(3600)
'''])
"""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True
    )
    assert done.returncode == expected
    assert done.stderr.decode() == f"worker 1 ended with exit code {expected}\n"
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_every_worker_once(number):
    code = """
def note(number, frame):
    print("got", number, flush=True)
    time.sleep(0.5)
    sys.exit(1)
signal.signal(signal.SIGINT, note)
signal.signal(signal.SIGTERM, note)
print("ready", flush=True)
time.sleep(3600)
"""
    command = [sys.executable, "-m", "recipes.launch", "-n", "2", "--", "-c"]
    job = subprocess.Popen(
        [*command, NUMBER + code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    ready = sorted(job.stdout.readline() for _ in range(2))
    assert ready == ["[0] ready\n", "[1] ready\n"]
    os.kill(job.pid, number)
    rest, _ = job.communicate(timeout=60)
    assert sorted(rest.splitlines()) == [f"[{i}] got {int(number)}" for i in range(2)]
    assert job.returncode == 1


@pytest.mark.parametrize(
    "words, message",
    [
        (["-n", 1, "--", "x"], "flag --n=1: 1 is not integer >= 2"),
        (["-n", 2], "say what to run: -n 2 -- -m recipes.detect --workdir=..."),
    ],
)
def test_what_cannot_be_launched(words, message):
    code, text = program("recipes.launch", *words)
    assert code == 1 and message in text and "Traceback" not in text


@pytest.mark.slow
def test_two_workers_run_from_flags_to_files(tmp_path):
    flags = {
        "model": "retinanet(filters=8, depth=1)",
        "backbone": "resnet18(width=0.125)",
        "image_size": 64,
        "train_examples": 8,
        "validation_examples": 5,
        "batch_size": 4,
        "epochs": 1,
        "evaluations": 1,
        "export": "",
        "workdir": tmp_path,
    }
    words = [f"--{name}={value}" for name, value in flags.items()]
    code, text = program(
        "recipes.launch", "-n", 2, "--", "-m", "recipes.detect", *words
    )
    assert code == 0, text
    assert "2 device(s)" in text and "INFO" not in text
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["mAP"] is not None and report["step"] == 2
