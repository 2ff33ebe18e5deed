"""Sources that are arrays: digits, and files of NumPy's."""

import numpy as np
import pytest

import kzoo.data
from kzoo.data import BadData

NUMBERS = np.arange(30) % 3


def write(path, **changes):
    images = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones(
        (30, 4, 5, 3), np.uint8
    )
    np.savez(path, **{"images": images, "labels": NUMBERS, **changes})
    return path


def opened(place, split="train", **settings):
    return kzoo.data.open(f"npz:{place}", split, task="classification", **settings)


def test_digits_are_the_1797_of_scikit_learn_each_in_one_split():
    parts = [
        kzoo.data.open("digits", split, task="classification")
        for split in ("train", "validation", "test")
    ]
    assert [len(part) for part in parts] == [1197, 300, 300]
    assert len({name for part in parts for name in part.ids}) == 1797
    # The first ten of scikit-learn are the digits in order.
    labels = {part.ids[i]: int(part._label[i]) for part in parts for i in range(5)}
    for name, label in labels.items():
        number = int(name.split()[1])
        assert number >= 10 or label == number
    example = next(parts[0].read())
    assert example["image"].shape == (8, 8, 3) and example["image"].max() == 255


def test_digits_of_some_examples_are_a_part_of_all():
    some = kzoo.data.open("digits", "test", task="classification", examples=7)
    everything = kzoo.data.open("digits", "test", task="classification")
    assert len(some) == 7 and set(some.ids) < set(everything.ids)


def test_a_folder_of_files_has_the_splits_of_their_names(tmp_path):
    write(tmp_path / "cifar10_train10k.npz")
    write(tmp_path / "cifar10_test1k.npz", labels=NUMBERS[::-1])
    assert len(opened(tmp_path)) == 30
    last = list(opened(tmp_path, "test").read())[-1]
    assert int(last["label"]) == 0 and np.all(last["image"] == 29)
    assert opened(tmp_path, "test").class_names == ["0", "1", "2"]
    with pytest.raises(ValueError, match="no split 'validation'; it has test, train"):
        opened(tmp_path, "validation")
    assert len(opened(tmp_path, "train[:80%]")) == 24


def test_a_file_is_cut_into_three_without_a_common_row(tmp_path):
    path = write(tmp_path / "all.npz", class_names=["a", "b", "c"])
    parts = [opened(path, split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [24, 3, 3]
    assert len({name for part in parts for name in part.ids}) == 30
    assert parts[0].class_names == ["a", "b", "c"]
    assert parts[0].ids[0].startswith(f"{path}, images[")


def test_grey_pictures_become_rgb(tmp_path):
    path = write(tmp_path / "all.npz", images=np.full((30, 4, 5), 7, np.uint8))
    example = next(opened(path).read())
    assert example["image"].shape == (4, 5, 3) and np.all(example["image"] == 7)


def test_batches_are_those_of_any_source(tmp_path):
    path = write(tmp_path / "all.npz")
    batch = next(iter(kzoo.data.batches(opened(path), 4, 8, training=False)))
    assert batch["images"].shape == (4, 8, 8, 3)
    # The picture's values are its number, its label that modulo 3.
    inside = np.asarray(batch["images"])[:, 3, 3, 0]
    np.testing.assert_allclose(inside % 3, batch["targets"])


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"images": np.zeros((30, 4, 5, 3))}, r"images is \(30, 4, 5, 3\) float64, "),
        ({"images": np.zeros((30, 4), np.uint8)}, r"images is \(30, 4\) uint8, not "),
        ({"labels": NUMBERS[:9]}, r"labels is \(9,\) int64, not \(30,\) whole numbers"),
        ({"labels": NUMBERS / 2}, r"labels is \(30,\) float64, not"),
        ({"labels": NUMBERS - 1}, r"labels\[0\]: class -1 is not one of 0 to 1"),
        (
            {"class_names": ["a", "b"]},
            r"labels\[2\]: class 2 is not one of 0 to 1",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_told_with_their_file(tmp_path, changes, words):
    path = write(tmp_path / "all.npz", **changes)
    with pytest.raises(BadData, match=f"all.npz.*{words}"):
        opened(path)


def test_files_that_are_none_are_told(tmp_path):
    with pytest.raises(BadData, match="there is no .npz file in this folder"):
        opened(tmp_path)
    for content in (b"", b"hello", b"PK\x03\x04"):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(BadData, match="a.npz: this is no .npz file of arrays"):
            opened(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=np.zeros(2))
    with pytest.raises(BadData, match="a.npz: it has no 'labels', only x"):
        opened(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", labels=np.array([{}], object))
    with pytest.raises(BadData, match="Object arrays cannot be loaded"):
        opened(tmp_path / "a.npz")


def test_two_files_of_one_split_are_told(tmp_path):
    for name in ("train_a.npz", "train_b.npz"):
        write(tmp_path / name)
    with pytest.raises(BadData, match="two files of one split among train_a.npz, tra"):
        opened(tmp_path)


def test_the_largest_box_gives_a_picture_its_class(yolo):
    lines = "0 .5 .5 .2 .2\n1 .3 .3 .5 .4\n"
    folder = yolo({"train": {"a": lines, "b": "0 .5 .5 .1 .1\n", "c": None}})
    source = kzoo.data.open(f"yolo:{folder}", "train", task="classification")
    assert [int(example["label"]) for example in source.read()] == [1, 0]
    assert "has no object, so no class" in source.report()


def test_a_difficult_object_gives_no_class(voc):
    rows = [("cat", 1, 1, 1, 30, 30), ("dog", 0, 1, 1, 5, 5)]
    folder = voc({"train": {"a": rows, "b": rows[:1]}})
    source = kzoo.data.open(f"voc:{folder}", "train", task="classification")
    assert source.class_names == ["cat", "dog"]
    assert [int(example["label"]) for example in source.read()] == [1]
