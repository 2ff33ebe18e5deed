import numpy as np
import pytest

import kzoo.data
from tests.data.conftest import example, painted, write


def test_boxes_are_shares_of_the_picture(yolo):
    """40 x 30 pixels: centre (20, 15), width 10, height 15."""
    folder = yolo({"train": {"a": "1 0.5 0.5 0.25 0.5\n\n0 .5 .5 1 1\n"}})
    source = kzoo.data.open(f"yolo:{folder}", "train")
    read = example(source, 0)
    np.testing.assert_allclose(read["boxes"], [[15, 7.5, 25, 22.5], [0, 0, 40, 30]])
    np.testing.assert_array_equal(read["labels"], [1, 0])
    assert source.class_names == ["cat", "dog"]


def test_no_label_file_and_an_empty_one_are_pictures_without_objects(yolo):
    source = kzoo.data.open(f"yolo:{yolo({'val': {'a': None, 'b': ''}})}", "validation")
    assert [len(example(source, i)["boxes"]) for i in range(2)] == [0, 0]


def test_a_polygon_becomes_its_extent(yolo):
    folder = yolo({"train": {"a": "0 0.1 0.2 0.5 0.9 0.3 0.1"}})
    boxes = example(kzoo.data.open(f"yolo:{folder}", "train"), 0)["boxes"]
    np.testing.assert_allclose(boxes, [[4, 3, 20, 27]], rtol=1e-6)


@pytest.mark.parametrize("names", ["names: {0: cat, 1: dog}", "names:\n- cat\n- dog\n"])
def test_names_in_each_way_of_writing_them(yolo, names):
    source = kzoo.data.open(f"yolo:{yolo({'train': {'a': ''}}, names)}", "train")
    assert source.class_names == ["cat", "dog"]


def test_split_folders_first_and_names_in_a_text_file(tmp_path):
    painted(tmp_path / "valid" / "images" / "a.jpg")
    write(tmp_path / "valid" / "labels" / "a.txt", "0 0.5 0.5 0.5 0.5")
    write(tmp_path / "classes.txt", "cat\ndog\n")
    source = kzoo.data.open(f"yolo:{tmp_path}", "val")
    assert len(source) == 1 and source.class_names == ["cat", "dog"]


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("2 0.5 0.5 0.1 0.1", "class 2 is not one of 0 to 1"),
        ("-1 0.5 0.5 0.1 0.1", "class -1 is not one of 0 to 1"),
        ("cat 0.5 0.5 0.1 0.1", "'cat' is not a number"),
        ("0 0.5 0.5 0.1", "it has 4 words, not 5: class x y width height"),
        ("0 0.5 0.5 0.1 0", "has no area"),
        ("0 20 15 10 10", "leaves the picture of 40 x 30 pixels"),  # in pixels
        ("0 nan 0.5 0.1 0.1", "is not made of finite numbers"),
        ("nan 0.5 0.5 0.1 0.1", "class nan is not one of 0 to 1"),
    ],
)
def test_a_bad_row_is_named_or_skipped(yolo, line, sentence):
    folder = yolo({"train": {"a": f"0 0.5 0.5 0.5 0.5\n{line}\n"}})
    with pytest.raises(kzoo.data.BadData) as error:
        kzoo.data.open(f"yolo:{folder}", "train")
    assert str(error.value).startswith(f"{folder}/labels/train/a.txt, line 2: ")
    assert sentence in str(error.value)
    source = kzoo.data.open(f"yolo:{folder}", "train", bad_data="skip")
    assert len(source.skipped) == 1 and len(example(source, 0)["boxes"]) == 1


@pytest.mark.parametrize(
    "names, sentence",
    [
        ("", "class names are missing"),
        ("- a\n- b\n", "this is not a YAML mapping"),
        ("names: [", "this is not a YAML mapping"),
        ("names: {1: cat, 2: dog}", "names are numbered [1, 2], not 0, 1.."),
    ],
)
def test_bad_names_are_told(yolo, names, sentence):
    with pytest.raises(kzoo.data.BadData) as error:
        kzoo.data.open(f"yolo:{yolo({'train': {'a': ''}}, names)}", "train")
    assert sentence in str(error.value)


def test_missing_labels_are_not_taken_for_empty_pictures(yolo):
    folder = yolo({"train": {"a": None}})
    (folder / "labels" / "train").rmdir()
    with pytest.raises(kzoo.data.BadData, match="no such folder of label files"):
        kzoo.data.open(f"yolo:{folder}", "train")
