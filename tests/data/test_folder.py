import numpy as np
import pytest

import kzoo.data
from tests.data.conftest import example, painted


def opened(folder, split, **settings):
    return kzoo.data.open(f"folder:{folder}", split, task="classification", **settings)


def test_a_folder_is_a_class(tmp_path):
    for split, name, stem in [("train", "dog", "a"), ("train", "cat", "b")]:
        painted(tmp_path / split / name / f"{stem}.jpg")
    painted(tmp_path / "val" / "dog" / "c.PNG")
    (tmp_path / "val" / "dog" / "notes.txt").write_text("no picture")
    (tmp_path / "val" / ".cache").mkdir()
    train, val = opened(tmp_path, "train"), opened(tmp_path, "validation")
    assert train.class_names == val.class_names == ["cat", "dog"]
    assert [int(example(train, i)["label"]) for i in range(2)] == [0, 1]
    # "dog" is class 1 although val has no cat.
    assert int(example(val, 0)["label"]) == 1 and val.ids == ["val/dog/c.PNG"]


def test_without_splits_each_class_is_cut_the_same_way_for_everyone(tmp_path):
    for i in range(20):
        painted(tmp_path / "cat" / f"{i}.png", (2, 2))
        painted(tmp_path / "dog" / f"{i}.png", (2, 2))
    parts = {split: opened(tmp_path, split) for split in ("train", "val", "test")}
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 32,
        "val": 4,
        "test": 4,
    }
    ids = [id for part in parts.values() for id in part.ids]
    assert len(set(ids)) == 40
    labels = [int(example(parts["val"], i)["label"]) for i in range(4)]
    assert np.bincount(labels).tolist() == [2, 2]


def test_a_broken_picture_is_named_or_skipped(tmp_path):
    painted(tmp_path / "train" / "cat" / "a.jpg")
    bad = tmp_path / "train" / "cat" / "b.jpg"
    bad.write_bytes(b"")
    with pytest.raises(kzoo.data.BadData, match=f"{bad}: empty: 0 bytes"):
        opened(tmp_path, "train")
    source = opened(tmp_path, "train", bad_data="skip")
    assert len(source) == 1
    assert source.skipped == [(str(bad), "", "empty: 0 bytes")]
