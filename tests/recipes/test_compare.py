"""Finished runs side by side."""

import json

import pytest
from absl.testing import flagsaver

from recipes import compare

REPORT = {
    "mAP": 0.5,
    "AP50": 0.75,
    "AP75": None,
    "parameters": 1234567,
    "seconds": 99.6,
    "formats": {"onnx": {"mAP": 0.25, "bytes": 1_500_000}},
}


def write(folder, **values):
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({**REPORT, **values}))
    (folder / "log.csv").write_text("step,loss,mAP\n10,2,0.1\n20,1,0.4\n")
    return str(folder)


@pytest.fixture
def runs(tmp_path):
    better = {
        "onnx": {"mAP": 0.6, "bytes": 2e6},
        "tflite_int8": {"mAP": 0.5, "bytes": 9},
    }
    return [
        write(tmp_path / "slow"),
        write(tmp_path / "good", mAP=0.625, formats=better),
        write(tmp_path / "bare", mAP=None, formats={}),
    ]


def test_the_best_run_is_first_and_each_file_has_its_score(runs, tmp_path, capsys):
    with flagsaver.flagsaver(to=str(tmp_path / "out")):
        compare.main(runs)
    text = capsys.readouterr().out
    assert text.splitlines() == [
        "| run | parameters | seconds | mAP | AP50 | AP75 |",
        "|---|---|---|---|---|---|",
        "| `good` | 1,234,567 | 100 | 0.625 | 0.750 |  |",
        "| `slow` | 1,234,567 | 100 | 0.500 | 0.750 |  |",
        "| `bare` | 1,234,567 | 100 |  | 0.750 |  |",
        "",
        "| run | Keras | onnx | tflite_int8 |",
        "|---|---|---|---|",
        "| `good` | 0.625 | 0.600, 2.00 MB | 0.500, 0.00 MB |",
        "| `slow` | 0.500 | 0.250, 1.50 MB |  |",
        "| `bare` |  |  |  |",
    ]
    assert (tmp_path / "out" / "table.md").read_text() == text
    assert (tmp_path / "out" / "curves.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "reports, words",
    [
        ([], "name the folders"),
        ([None], "run0 has no finished run: no report.json"),
        (["{"], "report.json is damaged"),
        (["[]"], "report.json is no report of a trained model"),
        (['{"mAP": 1, "seconds": 1}'], "report.json is no report of a trained model"),
        (
            [json.dumps(REPORT), '{"top1": 1, "seconds": 1, "parameters": 1}'],
            "have no score in common",
        ),
    ],
)
def test_what_is_no_run_is_named(reports, words, tmp_path):
    folders = [tmp_path / f"run{i}" for i in range(len(reports))]
    for folder, text in zip(folders, reports):
        folder.mkdir()
        if text is not None:
            (folder / "report.json").write_text(text)
    with pytest.raises(ValueError, match=words):
        compare.main([str(folder) for folder in folders])
