"""recipes.predict and recipes.evaluate, on a run and on exported files."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.recipes.conftest import program

SLOW = pytest.mark.slow
FILES = [
    "",
    pytest.param("export/saved_model", marks=SLOW),
    pytest.param("export/model_float32.tflite", marks=SLOW),
    pytest.param("export/model.onnx", marks=SLOW),
]


@pytest.fixture
def pictures(tmp_path):
    """A folder with a picture, a grey one, one in a folder, and a text file."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    rgb = generator.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(folder / "a.png")
    Image.fromarray(rgb[..., 0]).save(folder / "b.jpg")
    Image.fromarray(rgb).save(folder / "more" / "a.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.mark.parametrize("file", FILES)
def test_predict_draws_every_picture_and_names_a_corrupt_one(
    workdir, pictures, file, tmp_path
):
    (pictures / "broken.jpg").write_bytes((pictures / "b.jpg").read_bytes()[:40])
    output = tmp_path / "out"
    flags = [f"--model={workdir / file}", f"--output={output}", "--threshold=0"]
    code, text = program("recipes.predict", *flags, pictures)
    assert code == 1 and "broken.jpg" in text and "Traceback" not in text
    seen = json.loads((output / "predictions.json").read_text())
    assert len(seen) == 3
    for found in seen.values():
        boxes = np.array(found["boxes"]).reshape(-1, 4)
        assert len(boxes) == len(found["scores"]) == len(found["names"])
        assert np.all(boxes >= 0) and np.all(boxes <= [60, 40, 60, 40])
    assert len(list(output.glob("*.png"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "flag, picture, words",
    [
        (
            "--model=nowhere",
            "docs/detections.png",
            "error: there is no model nowhere",
        ),
        (None, "nowhere.jpg", "error: no picture nowhere.jpg"),
        (None, "tests/losses", "error: no pictures in tests/losses; name files or"),
    ],
)
def test_predict_says_in_a_line_what_is_missing(workdir, flag, picture, words):
    code, text = program("recipes.predict", flag or f"--model={workdir}", picture)
    assert code == 1 and words in text and "Traceback" not in text


@pytest.mark.parametrize("file", FILES)
def test_evaluate_gives_the_score_that_the_report_has(workdir, file, tmp_path):
    report = json.loads((workdir / "report.json").read_text())
    output = tmp_path / "scores.json"
    flags = [f"--model={workdir / file}", "--examples=5", f"--output={output}"]
    code, text = program("recipes.evaluate", *flags)
    assert code == 0, text
    assert json.loads(output.read_text())["mAP"] == pytest.approx(
        report["mAP"], abs=2e-3
    )


@pytest.mark.slow
def test_evaluate_refuses_other_classes(workdir, tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder / "val").mkdir(parents=True)
    Image.new("RGB", (20, 20)).save(tmp_path / "images" / "val" / "a.png")
    (tmp_path / "labels" / "val" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "classes.txt").write_text("dog\n")
    code, text = program(
        "recipes.evaluate",
        f"--model={workdir}",
        f"--data=yolo:{tmp_path}",
        "--split=val",
    )
    assert code == 1 and "has dog" in text and "knows circle, square" in text
