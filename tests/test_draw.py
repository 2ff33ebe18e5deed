"""Drawn pictures show what they were given, whatever that is."""

import numpy as np
import pytest
from PIL import Image

from kzoo import draw

GREY = np.full((400, 400, 3), 128, np.uint8)
EMPTY = {"boxes": [], "labels": []}, {"boxes": [], "scores": [], "classes": []}


def count(picture, color):
    return int(np.all(picture == np.array(color), axis=-1).sum())


def ink(picture):
    """Pixels of the white letters: lighter than GREY, and than colour 0, in all."""
    return int((picture.min(axis=-1) > 140).sum())


def test_a_box_is_a_frame_of_the_colour_of_its_class():
    picture = draw.boxes(GREY, [[100, 150, 300, 350]], ["cat"], classes=[4])
    column = np.all(picture[:, 200] == draw.color(4), axis=-1)
    row = np.all(picture[250] == draw.color(4), axis=-1)
    assert np.flatnonzero(column)[[0, -1]].tolist() == [150, 350]
    assert np.flatnonzero(row)[[0, -1]].tolist() == [100, 300]
    assert not column[160:340].any() and not row[110:290].any()


def test_the_picture_given_is_left_as_it_was():
    before = GREY.copy()
    picture = draw.boxes(GREY, [[0, 0, 200, 200]], ["cat"])
    assert picture.shape == GREY.shape and picture.dtype == np.uint8
    np.testing.assert_array_equal(GREY, before)


def test_no_boxes_no_change():
    np.testing.assert_array_equal(draw.boxes(GREY, [], []), GREY)
    np.testing.assert_array_equal(draw.boxes(GREY, np.zeros((0, 4)), [], []), GREY)


@pytest.mark.parametrize(
    "box",
    [
        [100, 0, 140, 30],  # no room above
        [0, 370, 30, 399],
        [380, 200, 399, 250],  # no room at the right
        [0, 0, 399, 399],
        [380, 380, 399, 399],
        [-50, -50, 20, 20],
        [500, 500, 600, 600],  # outside
    ],
)
def test_the_whole_label_is_in_the_picture(box):
    """As much white ink as in the label of a box with room on all sides."""
    middle = draw.boxes(GREY, [[150, 150, 250, 250]], ["elephant"], [0.87])
    edge = draw.boxes(GREY, [box], ["elephant"], [0.87])
    assert ink(edge) == ink(middle) > 100


def test_labels_of_equal_boxes_do_not_hide_each_other():
    box = [150, 150, 250, 250]
    one = draw.boxes(GREY, [box], ["elephant"])
    three = draw.boxes(GREY, [box] * 3, ["elephant"] * 3)
    assert ink(three) == 3 * ink(one)


def test_the_score_is_written():
    box = [[150, 150, 250, 250]]
    pictures = [draw.boxes(GREY, box, ["cat"], s) for s in (None, [0.5], [0.51])]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])


def test_small_pictures_are_enlarged_and_the_boxes_with_them():
    picture = draw.boxes(GREY[:128, :100], [[20, 40, 80, 120]], ["cat"], classes=[0])
    assert picture.shape == (3 * 128, 3 * 100, 3)
    row = np.flatnonzero(np.all(picture[240] == draw.color(0), axis=-1))
    assert row[[0, -1]].tolist() == [3 * 20, 3 * 80]


def test_colours_differ():
    colors = [draw.color(i) for i in range(200)]
    assert len(set(colors)) == 200
    first = np.array(colors[:10], float)
    apart = np.linalg.norm(first[:, None] - first[None], axis=-1)
    assert apart[~np.eye(10, dtype=bool)].min() > 40


def test_names_choose_the_colours_where_no_classes_are_given():
    row = [[10, 200, 90, 290], [110, 200, 190, 290], [210, 200, 290, 290]]
    picture = draw.boxes(GREY, row, ["cat", "dog", "cat"])
    assert picture[250, 11].tolist() == picture[250, 211].tolist()
    assert picture[250, 11].tolist() != picture[250, 111].tolist()


@pytest.mark.parametrize(
    "image",
    [
        GREY[..., 0],
        GREY[..., :1],
        np.concatenate([GREY, GREY[..., :1]], axis=-1),
        GREY.astype("float32") + 0.2,
        GREY.astype("int64"),
    ],
    ids=["grey", "one channel", "RGBA", "float", "int64"],
)
def test_all_kinds_of_pictures(image):
    np.testing.assert_array_equal(draw.boxes(image, [], []), GREY)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3)])
def test_tiny_pictures(shape):
    picture = draw.boxes(np.zeros(shape), [[0, 0, 1, 1]], ["a very long name"], [1])
    assert max(picture.shape) >= draw.READABLE


def test_degenerate_boxes_are_drawn():
    boxes = [[50, 50, 50, 50], [90, 90, 40, 40], [-1e9, 3, 1e9, 3]]
    assert count(draw.boxes(GREY, boxes, ["cat"] * 3), draw.color(0)) > 300


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([[1, 2, 3]], ["cat"]), r"boxes must have shape \(N, 4\), not \(1, 3\)"),
        (([[1, 2, 3, np.nan]], ["cat"]), "not finite"),
        (([[1, 2, 3, 4]], ["cat", "dog"]), "1 boxes, 2 names"),
        (([[1, 2, 3, 4]], ["cat"], [0.1, 0.2]), "1 names but 2 scores"),
    ],
)
def test_bad_boxes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw.boxes(GREY, *arguments)


def test_a_picture_of_two_channels_is_refused():
    with pytest.raises(ValueError, match=r"\(9, 9, 2\)"):
        draw.boxes(np.zeros((9, 9, 2)), [], [])


# ---- The gallery


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_gallery_shows_truth_left_and_predictions_right(tmp_path):
    truth = {"boxes": [[20, 40, 100, 120]], "labels": [0]}
    found = {
        "boxes": [[20, 40, 100, 120], [0, 0, 9, 9]],
        "scores": [0.9, 0.1],
        "classes": [1, 2],  # of which the third is below the threshold
    }
    image, path = np.zeros((128, 128)), tmp_path / "gallery.png"
    draw.gallery([image], [truth], [found], ["cat", "dog", "cow"], path)
    sheet = read(path)[: -draw.READABLE // 4]  # without the legend
    half = sheet.shape[1] // 2
    shown = [
        [count(s, draw.color(i)) for i in range(3)] for s in np.split(sheet, [half], 1)
    ]
    assert shown[0][0] > 500 and shown[0][1] == 0
    assert shown[1][1] > 500 and shown[1][0] == 0
    assert shown[0][2] == shown[1][2] == 0


def test_gallery_has_a_legend_of_what_it_shows(tmp_path):
    truth = {"boxes": [[20, 40, 100, 120]], "labels": [5]}
    path = tmp_path / "gallery.png"
    draw.gallery([GREY], [truth], [EMPTY[1]], ["cat"], path)
    legend = read(path)[-28:]
    assert count(legend, draw.color(5)) > 100  # beyond the names: shown as "5"
    assert count(legend, draw.color(0)) == 0


def test_gallery_takes_pictures_of_all_sizes_and_kinds(tmp_path):
    images = [GREY, GREY[:7, :300, 0], np.zeros((1, 1)), np.zeros((900, 2000, 4))]
    truths, predictions = [EMPTY[0]] * 4, [EMPTY[1]] * 4
    for count in range(5):
        path = tmp_path / f"{count}.png"
        draw.gallery(images[:count], truths[:count], predictions[:count], [], path)
        assert read(path).shape[1] <= 4 * draw.LARGEST_CELL + 100


def test_gallery_reads_picture_files(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    for name, image in (("array", GREY), ("file", tmp_path / "grey.png")):
        draw.gallery([image], [EMPTY[0]], [EMPTY[1]], [], tmp_path / f"{name}.png")
    np.testing.assert_array_equal(
        read(tmp_path / "array.png"), read(tmp_path / "file.png")
    )


def test_gallery_counts_its_pictures(tmp_path):
    with pytest.raises(ValueError, match="1 images, 0 truths and 0 predictions"):
        draw.gallery([GREY], [], [], [], tmp_path / "gallery.png")
