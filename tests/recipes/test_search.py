"""recipes.search: a search is stopped, killed, continued; failures do not end it."""

import csv
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tests.recipes.conftest import program

STUB = "tests.recipes.stub_search"
SPACE = "--space=learning_rate=log(1e-4,1)"
pytestmark = pytest.mark.slow


def arguments(workdir, coarse=8, fine=4):
    counts = [f"--coarse_trials={coarse}", f"--fine_trials={fine}"]
    return [f"--workdir={workdir}", SPACE, "--noprune", *counts]


def table(workdir):
    with open(workdir / "trials.csv", newline="") as file:
        return list(csv.DictReader(file))


def drawn(workdir):
    """{trial: its learning rate}."""
    return {row["trial"]: row["learning_rate"] for row in table(workdir)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The workdir and the output of a search that nobody disturbed."""
    folder = tmp_path_factory.mktemp("search")
    code, text = program(STUB, *arguments(folder))
    assert code == 0, text
    return folder, text


def test_files_and_table(whole):
    folder, text = whole
    rows = table(folder)
    assert len(rows) == 12
    scores = [float(row["mAP"]) for row in rows if row["mAP"]]
    assert scores == sorted(scores, reverse=True)
    picture = np.asarray(Image.open(folder / "search.png").convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
    best = rows[0]
    flags = (folder / "best.flags").read_text()
    assert float(flags.split("=")[1]) == pytest.approx(
        float(best["learning_rate"]), rel=1e-3
    )
    assert f"best: {best['trial']}" in text


def test_fine_trials_are_near_the_best_coarse_one(whole):
    rows = [row for row in table(whole[0]) if row["mAP"]]
    coarse = [row for row in rows if row["trial"].startswith("coarse")]
    best = np.log10(float(coarse[0]["learning_rate"]))
    for row in rows:
        if row["trial"].startswith("fine"):
            # A quarter of four decades, half of it to either side.
            assert abs(np.log10(float(row["learning_rate"])) - best) <= 0.5 + 1e-6


def test_a_trial_that_fails_is_a_row_and_not_the_end(whole):
    folder, text = whole
    failed = [row for row in table(folder) if row["state"] == "fail"]
    assert failed == [r for r in table(folder) if float(r["learning_rate"]) > 0.5]
    if failed:
        assert "failed: error: the loss is not finite at step 3" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_search_that_ended_goes_on_as_it_would_have(whole, number, tmp_path):
    command = [sys.executable, "-m", STUB, *arguments(tmp_path)]
    environment = {**os.environ, "STUB_SECONDS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}
    root = pathlib.Path(__file__).parents[2]
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "coarse_001" / "log.csv").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate()
    if number == signal.SIGTERM:
        assert "the same command continues" in errors
    else:
        # The trial lives on for a moment, and nobody may come between.
        code, text = program(STUB, *arguments(tmp_path))
        if "error:" in text:
            assert code == 1 and "runs in" in text
        time.sleep(2)
    code, text = program(STUB, *arguments(tmp_path))
    assert code == 0, text
    assert drawn(tmp_path) == drawn(whole[0])
    runs = [len(p.read_text().split()) for p in sorted(tmp_path.glob("*/runs.txt"))]
    assert runs[0] == 1, "a trial that was done is not repeated"
    assert "coarse_000: " not in text


def test_a_journal_of_another_search_is_refused(whole):
    folder, _ = whole
    code, text = program(STUB, *arguments(folder), "--seed=1")
    assert code == 1 and "holds a search with seed 0, not 1" in text


def test_a_word_that_is_no_flag_is_one_line(tmp_path):
    code, text = program("recipes.search", f"--workdir={tmp_path}", "learning_rate")
    assert code == 1
    assert "'learning_rate' is no flag" in text and "Traceback" not in text


def test_hopeless_trials_end_early(tmp_path, monkeypatch):
    """Of ten, those that fall behind the median of at least four before them."""
    monkeypatch.setenv("STUB_SECONDS", "3")
    words = [f"--workdir={tmp_path}", SPACE, "--coarse_trials=10", "--fine_trials=0"]
    code, text = program(STUB, *words)
    assert code == 0, text
    rows = table(tmp_path)
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned and text.count(" pruned\n") == len(pruned)
    assert all(row["trial"] > "coarse_003" and row["mAP"] for row in pruned)
    assert rows[0]["state"] == "complete"


def test_flags_that_no_recipe_has_end_a_search_early(tmp_path):
    words = (*arguments(tmp_path), "--", "--epocs=1")
    code, text = program("recipes.search", *words)
    assert code == 1
    assert "all 3 trials failed, at last: " in text and "epocs" in text
    assert "Traceback" not in text


def test_settings_in_braces_reach_the_model(tmp_path):
    """Two real trials of a detector, one batch each."""
    code, text = program(
        "recipes.search",
        f"--workdir={tmp_path}",
        "--space=learning_rate=log(1e-4,1e-2)",
        "--space=width=choice(0.125,0.25)",
        "--coarse_trials=2",
        "--fine_trials=0",
        "--",
        "--model=retinanet(filters=8, depth=1)",
        "--backbone=resnet18(width={width})",
        "--image_size=64",
        "--train_examples=4",
        "--validation_examples=4",
        "--batch_size=4",
        "--epochs=1",
        "--evaluations=1",
        "--export=",
    )
    assert code == 0, text
    for row in table(tmp_path):
        config = (tmp_path / row["trial"] / "config.flags").read_text()
        assert f"--backbone=resnet18(width={row['width']})" in config
        assert re.search(r"--learning_rate=\S+", config)
