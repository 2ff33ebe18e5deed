"""Pictures of answers: right size, red where wrong."""

import numpy as np
import pytest
from PIL import Image

from kzoo import draw_labels
from kzoo.draw_labels import RIGHT, WRONG
from kzoo.metrics.confusion import confusion, cross_entropy

NAMES = ["cat", "dog"]


def answer(index):
    return {"class": index, "name": NAMES[index], "score": 0.5}


def colours(path):
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    return {tuple(pixel) for pixel in np.unique(pixels, axis=0).tolist()}


@pytest.mark.parametrize("labels, wrong", [([0, 1], False), ([0, 0], True)])
def test_a_wrong_answer_is_red(tmp_path, labels, wrong):
    images = [np.zeros((8, 8, 3), np.uint8), np.full((30, 9), 90, np.uint8)]
    path = tmp_path / "a.png"
    draw_labels.gallery(images, labels, [answer(0), answer(1)], NAMES, path)
    assert RIGHT in colours(path) and (WRONG in colours(path)) == wrong


def test_no_picture_and_odd_ones_are_drawn(tmp_path):
    draw_labels.gallery([], [], [], NAMES, tmp_path / "a.png")
    images = [np.zeros(shape, np.uint8) for shape in [(1, 1), (1, 500), (500, 1)]]
    draw_labels.gallery(images, [0] * 3, [answer(0)] * 3, NAMES, tmp_path / "a.png")
    assert draw_labels.label(images[0], "cat 0.99").shape[2] == 3
    with pytest.raises(ValueError, match="3 images, 1 labels and 0 answers"):
        draw_labels.gallery(images, [0], [], NAMES, tmp_path / "a.png")


@pytest.mark.parametrize("count", [2, 30, 200])
def test_a_matrix_of_any_size_is_drawn(tmp_path, count):
    names = [f"a class with a long name {i}" for i in range(count)]
    draw_labels.confusion(np.eye(count, dtype=int), names, tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").size[0] < 1500


def test_a_confusion_is_counted_by_hand():
    found = confusion([0, 0, 1, 2, 2], [0, 1, 1, 0, 2], 3)
    np.testing.assert_array_equal(found, [[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    assert confusion([], [], 2).sum() == 0
    with pytest.raises(ValueError, match="1 labels and 2 answers"):
        confusion([0], [0, 1], 2)


def test_the_loss_is_the_mean_log_of_the_truths_probability():
    found = cross_entropy([0, 1], [[0.5, 0.5], [0.75, 0.25]])
    assert found == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert np.isfinite(cross_entropy([0], [[0.0, 1.0]]))
