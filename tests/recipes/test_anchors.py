"""recipes.anchors from flags to files, and from there to a model."""

import json

import keras
import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from kzoo import models
from recipes import anchors
from tests.recipes.conftest import program

SETTINGS = {
    "model": "retinanet(filters=8, depth=1)",
    "backbone": "resnet18(width=0.125)",
    "image_size": ["64"],
    "train_examples": 20,
}
FILES = ("anchors", "report")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Less of what takes time in earnest."""
    monkeypatch.setattr(anchors, "CURVE", range(1, 4))
    monkeypatch.setattr("kzoo.ops.priors.SAMPLE", 300)


def run(workdir, **settings):
    policy = keras.config.dtype_policy()
    try:
        with flagsaver.flagsaver(**{**SETTINGS, **settings, "workdir": str(workdir)}):
            anchors.main([])
    finally:
        keras.config.set_dtype_policy(policy)
    return [json.loads((workdir / f"{n}.json").read_text()) for n in FILES]


def test_files_that_a_model_takes(tmp_path, capsys):
    made, report = run(tmp_path, priors=4)
    taken = models.retinanet(
        classes=2,
        backbone=SETTINGS["backbone"],
        input_shape=(64, 64, 3),
        filters=8,
        anchors=made["anchors"],
    )
    assert taken.task.anchors.per_position == (4,) * 5
    assert taken.task.anchors.strides == (8, 16, 32, 64, 128)
    first = np.array(taken.task.anchors.shapes[0])
    np.testing.assert_allclose(first / 8, made["priors_in_strides"], atol=0.01)
    assert list(report["mean_best_iou"]) == [str(k) for k in (1, 2, 3)]
    whole = report["coverage"]["all"]["all"]
    assert whole["boxes"] == report["boxes"] > 20
    assert set(report["coverage"]["class"]) <= {"circle", "square", "triangle", "star"}
    text = capsys.readouterr().out
    assert "mean best IoU" in text and "4 new anchors at a position" in text
    picture = np.asarray(Image.open(tmp_path / "anchors.png").convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


@pytest.mark.slow
def test_more_priors_reach_more_boxes(tmp_path):
    shares = [
        run(tmp_path / str(k), priors=k)[1]["coverage"]["all"]["all"]["new"]["median"]
        for k in (1, 8)
    ]
    assert shares[1] > shares[0] + 0.02


@pytest.mark.slow
def test_anchors_of_a_file_are_looked_at_in_place_of_the_models(tmp_path):
    _, first = run(tmp_path / "a", priors=3)
    again = str(tmp_path / "a" / "anchors.json")
    _, second = run(tmp_path / "b", priors=3, anchors=again)
    seen = [r["coverage"]["all"]["all"] for r in (first, second)]
    assert seen[1]["model"] == seen[0]["new"] != seen[0]["model"]


@pytest.mark.slow
def test_as_many_priors_as_the_models_own_by_default(tmp_path):
    made, _ = run(tmp_path)
    assert len(made["priors_in_strides"]) == 9


def test_yolo_v2_gets_pairs_in_cells(tmp_path):
    made, _ = run(tmp_path, model="yolo_v2_tiny", backbone=None)
    pairs = np.array(made["anchors"])
    assert pairs.shape == (5, 2)
    np.testing.assert_allclose(pairs, made["priors_in_strides"], atol=1e-3)
    # Of the 64 px pictures nothing is larger than its two cells.
    assert pairs.max() <= 2


@pytest.mark.slow
def test_balanced_classes_move_the_priors(tmp_path):
    made = [run(tmp_path / str(b), priors=2, balance=b)[0] for b in (False, True)]
    assert made[0]["anchors"] != made[1]["anchors"]


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"model": "fcos"}, "fcos takes no anchors; these do: retinanet, retinanet_v2"),
        ({"model": "retinant"}, "no detection model 'retinant'; kzoo has "),
        ({"priors": 5000}, "5000 priors of boxes that have"),
        ({"data": "coco:/nowhere"}, "there is no folder '/nowhere'"),
    ],
)
def test_what_cannot_be_names_the_choices(settings, words, tmp_path):
    with pytest.raises((ValueError, OSError), match=words):
        run(tmp_path, **settings)


@pytest.mark.slow
def test_the_program_ends_a_mistake_in_one_line(tmp_path):
    code, text = program("recipes.anchors", "--model=yolox_s", f"--workdir={tmp_path}")
    assert code == 1 and "Traceback" not in text
    assert "error: --model: yolox_s takes no anchors; these do: " in text
