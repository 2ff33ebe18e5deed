"""recipes.basics from flags to table, beside scikit-learn on the same digits."""

import csv
import json

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import kzoo
from recipes import basics
from tests.recipes.conftest import program

METHODS = ["majority", "nearest_l1", "nearest_l2", "svm", "softmax", "two_layers"]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("basics")
    code, text = program(
        "recipes.basics",
        f"--workdir={folder}",
        "--data=digits",
        "--train_examples=400",
        "--neighbours=1,3,5",
        "--strengths=0,1e-2",
        "--steps=60",
        "--units=20",
    )
    assert code == 0, text
    assert all(method in text for method in METHODS)
    return folder


@pytest.fixture(scope="module")
def table(workdir):
    with open(workdir / "table.csv", newline="") as file:
        return {row["method"]: row for row in csv.DictReader(file)}


def pixels(split, examples=None):
    """(N, D) 0..1, (N,) labels."""
    source = kzoo.data.open("digits", split, task="classification", examples=examples)
    rows = list(source.read())
    images = np.stack([row["image"] for row in rows]).reshape(len(rows), -1)
    return images / 255.0, np.array([row["label"] for row in rows])


@pytest.mark.slow
def test_neighbours_are_scikit_learns(table):
    learn, test = pixels("train", 400), pixels("test")
    for kind, metric in (("l1", "manhattan"), ("l2", "euclidean")):
        row = table[f"nearest_{kind}"]
        k = int(row["chosen"].removeprefix("k "))
        oracle = KNeighborsClassifier(k, metric=metric).fit(*learn)
        # A picture or two of 300, whose neighbours are equally far.
        assert float(row["test"]) == pytest.approx(oracle.score(*test), abs=0.01)


@pytest.mark.slow
def test_softmax_is_as_good_as_scikit_learns(table):
    oracle = LogisticRegression(C=10, max_iter=1000).fit(*pixels("train", 400))
    expected = oracle.score(*pixels("test"))
    assert float(table["softmax"]["test"]) == pytest.approx(expected, abs=0.03)


@pytest.mark.slow
def test_the_commonest_class_by_hand(table):
    labels, test = pixels("train", 400)[1], pixels("test")[1]
    often = np.bincount(labels).argmax()
    assert float(table["majority"]["test"]) == pytest.approx(np.mean(test == often))


@pytest.mark.slow
def test_every_method_is_far_better_than_chance(table):
    assert list(table) == METHODS
    for method in METHODS[1:]:
        assert float(table[method]["validation"]) > 0.85, method


@pytest.mark.slow
def test_the_models_can_be_loaded(workdir, table):
    images, labels = pixels("validation")
    for method in METHODS[1:]:
        model = kzoo.load(workdir / method)
        found = model(np.round(images * 255).reshape(-1, 8, 8, 3).astype("uint8"))
        score = np.mean(np.argmax(found, axis=-1) == labels)
        assert score == pytest.approx(float(table[method]["validation"])), method


@pytest.mark.slow
def test_report_and_pictures(workdir):
    report = json.loads((workdir / "report.json").read_text())
    assert {"methods", "neighbours", "ks", "seconds", "versions"} <= set(report)
    assert np.shape(report["neighbours"]["l1"]) == (3, 5)
    for name in ("neighbours", "templates", "hidden"):
        picture = np.asarray(Image.open(workdir / f"{name}.png").convert("RGB"))
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10, name


@pytest.mark.slow
def test_a_split_that_is_not_there_is_one_line(tmp_path):
    code, text = program("recipes.basics", f"--workdir={tmp_path}", "--test_split=tset")
    assert code == 1
    assert "has no split 'tset'" in text and "Traceback" not in text


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("neighbours", ["1", "zero"], "--neighbours takes numbers from 1 up"),
        ("neighbours", ["0"], "--neighbours takes numbers from 1 up"),
        ("strengths", ["-1"], "--strengths takes numbers from 0 up"),
    ],
)
def test_a_wrong_number_is_named(name, value, words):
    kind = int if name == "neighbours" else float
    with flagsaver.flagsaver(**{name: value}), pytest.raises(ValueError) as error:
        basics.numbers(name, kind)
    assert words in str(error.value)
