import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from tests.data.conftest import example, write

CAT, DOG = ("cat", 0, 5, 6, 20, 25), ("dog", 1, 1, 1, 40, 30)


def test_boxes_are_edges_between_pixels(voc):
    """Pixel 1 is the first, and the last pixel is inside: 1..40 is all 40 columns."""
    source = kzoo.data.open(f"voc:{voc({'train': {'a': [CAT, DOG]}})}", "train")
    read = example(source, 0)
    np.testing.assert_array_equal(read["boxes"], [[4, 5, 20, 25], [0, 0, 40, 30]])
    np.testing.assert_array_equal(read["labels"], [0, 1])
    np.testing.assert_array_equal(read["crowd"], [False, True])  # difficult
    assert read["image"].shape == (30, 40, 3) and read["image"].dtype == np.uint8
    assert source.class_names == ["cat", "dog"] and source.ids == ["a"]


def test_labels_do_not_depend_on_the_split(voc):
    folder = voc({"train": {"a": [CAT, DOG]}, "val": {"b": [DOG]}})
    source = kzoo.data.open(f"voc:{folder}", "validation")
    assert source.class_names == ["cat", "dog"]
    np.testing.assert_array_equal(example(source, 0)["labels"], [1])


def test_a_picture_without_objects_is_an_example(voc):
    source = kzoo.data.open(f"voc:{voc({'train': {'a': [], 'b': [CAT]}})}", "train")
    assert example(source, 0)["boxes"].shape == (0, 4)
    assert source.most_boxes == 1


def test_without_image_sets_all_is_train(voc):
    folder = voc({"train": {"b": [CAT], "a": [DOG]}})
    (folder / "ImageSets" / "Main" / "train.txt").unlink()
    assert kzoo.data.open(f"voc:{folder}", "train").ids == ["a", "b"]


def test_the_lists_of_single_classes_are_no_splits(voc):
    folder = voc({"train": {"a": [CAT]}, "cat_train": {"a": [CAT]}})
    with pytest.raises(ValueError, match="it has train. One"):
        kzoo.data.open(f"voc:{folder}", "cat_train")


@pytest.mark.parametrize(
    "row, sentence",
    [
        (("cat", 0, 9, 6, 8, 25), "has no area"),
        (("cat", 0, 5, 6, 80, 25), "leaves the picture of 40 x 30 pixels"),
        (("cat", 0, "nan", 6, 20, 25), "is not made of finite numbers"),
        (("cat", 0, "five", 6, 20, 25), "'five' is not a number"),
        (("", 0, 5, 6, 20, 25), "it has no name"),
    ],
)
def test_a_bad_row_is_named_or_skipped(voc, row, sentence):
    folder = voc({"train": {"a": [CAT, row]}})
    with pytest.raises(kzoo.data.BadData) as error:
        kzoo.data.open(f"voc:{folder}", "train")
    assert str(error.value).startswith(f"{folder}/Annotations/a.xml, object 2 (")
    assert sentence in str(error.value)
    source = kzoo.data.open(f"voc:{folder}", "train", bad_data="skip")
    assert len(source.skipped) == 1 and sentence in source.skipped[0].reason
    assert "left out" in source.report() and sentence in source.report()
    np.testing.assert_array_equal(example(source, 0)["boxes"], [[4, 5, 20, 25]])


@pytest.mark.parametrize(
    "text, sentence",
    [
        (None, "there is no such annotation"),
        ("<annotation>", "this is not XML"),
        (
            "<a><size><width>50</width><height>30</height></size></a>",
            "(width, height): is (50, 30) here, but the picture has (40, 30) pixels",
        ),
    ],
)
def test_a_bad_annotation_leaves_the_picture_out(voc, text, sentence):
    folder = voc({"train": {"a": [CAT], "b": [CAT]}})
    file = folder / "Annotations" / "a.xml"
    file.unlink() if text is None else write(file, text)
    with pytest.raises(kzoo.data.BadData) as error:
        kzoo.data.open(f"voc:{folder}", "train")
    assert str(file) in str(error.value) and sentence in str(error.value)
    source = kzoo.data.open(f"voc:{folder}", "train", bad_data="skip")
    assert source.ids == ["b"]


def test_a_missing_picture_is_named(voc):
    folder = voc({"train": {"a": [CAT]}})
    (folder / "JPEGImages" / "a.jpg").unlink()
    with pytest.raises(kzoo.data.BadData, match="a.jpg: there is no such picture"):
        kzoo.data.open(f"voc:{folder}", "train")
    with pytest.raises(ValueError, match="has no usable example in 'train'"):
        kzoo.data.open(f"voc:{folder}", "train", bad_data="skip")


def test_a_missing_folder_is_named(tmp_path):
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(kzoo.data.BadData, match="has a folder JPEGImages"):
        kzoo.data.open(f"voc:{tmp_path}", "train")


def test_an_unknown_size_is_passed_over(voc):
    """Some tools write 0."""
    size = "<size><width>0</width><height>0</height></size>"
    source = kzoo.data.open(f"voc:{voc({'train': {'a': [CAT]}}, size)}", "train")
    assert len(example(source, 0)["boxes"]) == 1


def test_blood_cells_are_all_read(shared):
    """The counts that the data set's own page states, split by split."""
    folder = f"voc:{shared}/data/bccd/BCCD"
    sources = [
        kzoo.data.open(folder, split) for split in ("train", "validation", "test")
    ]
    assert [len(source) for source in sources] == [205, 87, 72]
    assert sources[0].class_names == ["Platelets", "RBC", "WBC"]
    counts = np.zeros(3, int)
    for source in sources:
        rows = tf.data.Dataset.range(len(source)).map(source.example)
        for row in rows.map(lambda row: row["labels"]):
            counts += np.bincount(row, minlength=3)
    assert counts.tolist() == [361, 4155, 372]
