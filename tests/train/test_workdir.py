"""log.csv: what it holds after rows, new columns, and a run that was killed."""

import csv

import pytest

from kzoo.train import Log, Workdir
from kzoo.train.workdir import write_json, write_text


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.csv"


def test_rows_are_in_the_file_at_once(path):
    log = Log(path)
    log.add({"step": 1, "loss": 0.5})
    log.add({"step": 2, "loss": 0.25})
    assert path.read_text().split() == ["step,loss", "1,0.5", "2,0.25"]


def test_a_new_column_is_empty_in_older_rows(path):
    log = Log(path)
    log.add({"step": 1, "loss": 0.5})
    log.add({"step": 2, "mAP": 0.1})
    assert path.read_text().split() == ["step,loss,mAP", "1,0.5,", "2,,0.1"]


def test_scores_join_the_row_of_their_step(path):
    log = Log(path)
    log.add({"step": 1, "loss": 0.5})
    log.add({"step": 1, "mAP": 0.1})
    log.add({"step": 2, "loss": 0.25})
    assert path.read_text().split() == ["step,loss,mAP", "1,0.5,0.1", "2,0.25,"]


def test_it_goes_on_and_forgets_rows_after_the_restored_step(path):
    log = Log(path)
    for step in range(1, 6):
        log.add({"step": step, "loss": step / 10})
    log = Log(path, step=3)
    log.add({"step": 4, "loss": 9.0})
    assert [row["loss"] for row in rows(path)] == ["0.1", "0.2", "0.3", "9.0"]


def test_a_new_run_starts_an_empty_log(path):
    path.write_text("step,loss\n1,0.5\n")
    Log(path)
    assert rows(path) == []


@pytest.mark.parametrize(
    "text", ["", "step,loss\n", "step,loss\n1,0.5\n2", "a,b\n1,2\n"]
)
def test_a_file_that_ends_anywhere_is_taken_up(path, text):
    path.write_text(text)
    log = Log(path, step=2)
    log.add({"step": 3, "loss": 0.1})
    assert rows(path)[-1]["step"] == "3" and rows(path)[-1]["loss"] == "0.1"


def test_small_files_are_replaced_whole(tmp_path):
    path = tmp_path / "report.json"
    write_text(path, "old")
    write_json(path, {"mAP": None})
    assert path.read_text() == '{\n  "mAP": null\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_workdir_makes_its_folder_and_nothing_in_it(tmp_path):
    workdir = Workdir(tmp_path / "runs" / "first")
    assert list(workdir.folder.iterdir()) == []
    assert workdir.state == tmp_path / "runs/first/checkpoint/state.npz"
