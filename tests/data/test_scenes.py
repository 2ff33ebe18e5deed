import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

import kzoo.data
import kzoo.data.scenes  # noqa: F401, registers kzoo_scenes
from kzoo.data import drawing
from tests.data.conftest import example


def rows(split, **settings):
    config = kzoo.data.scenes.only(kzoo.data.scenes.BOXES, split, 10)
    builder = tfds.builder("kzoo_scenes", config=config, **settings)
    builder.download_and_prepare()
    return list(tfds.as_numpy(builder.as_dataset(split).take(10)))


def test_tfds_knows_the_scenes():
    assert "kzoo_scenes" in tfds.list_builders()
    info = tfds.builder("kzoo_scenes").info
    assert info.features["objects"]["label"].names == list(drawing.SHAPES)


def test_all_parts_of_an_example_agree(tfds_folder):
    for row in rows("train", data_dir=tfds_folder):
        labels, instances = row["objects"]["label"], row["instances"][..., 0]
        assert set(np.unique(instances)) <= set(range(len(labels) + 1))
        expected = np.concatenate([[0], labels + 1])[instances]
        np.testing.assert_array_equal(row["label_map"][..., 0], expected)
        assert row["caption"] and len(row["questions"]["answer"]) >= 4


def test_the_source_gives_what_tfds_gives(tfds_folder, scenes):
    """tfds keeps ymin, xmin, ymax, xmax in 0..1; a Source gives xyxy in pixels."""
    for i, row in enumerate(rows("train", data_dir=tfds_folder)):
        read = example(scenes, i)
        boxes = row["objects"]["bbox"][:, [1, 0, 3, 2]] * 160
        np.testing.assert_allclose(read["boxes"], boxes, atol=1e-4)
        np.testing.assert_array_equal(read["labels"], row["objects"]["label"])
        np.testing.assert_array_equal(read["image"], row["image"])
        assert scenes.ids[i] == f"train-{i:06d}"


def test_splits_are_different_pictures(scenes):
    other = kzoo.data.open("scenes", "validation", examples=50)
    assert np.any(example(scenes, 0)["image"] != example(other, 0)["image"])


def test_more_examples_begin_with_the_fewer(scenes):
    more = kzoo.data.open("scenes", "train", examples=70)
    assert len(more) == 70 and more.ids[:50] == scenes.ids
    np.testing.assert_array_equal(
        example(more, 9)["image"], example(scenes, 9)["image"]
    )


def test_for_classification_there_is_one_shape():
    source = kzoo.data.open("scenes", "test", task="classification", examples=20)
    assert source.class_names == list(drawing.SHAPES)
    labels = {int(example(source, i)["label"]) for i in range(20)}
    assert len(labels) > 1


def test_an_unknown_split_is_told():
    with pytest.raises(
        ValueError, match="scenes has no split 'tset'; it has test, tra"
    ):
        kzoo.data.open("scenes", "tset")


def test_drawing_that_fails_leaves_nothing_broken(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    draw, calls = drawing.draw, []

    def failing(*args):
        calls.append(args)
        if len(calls) > 30:
            raise OSError("No space left on device")
        return draw(*args)

    with monkeypatch.context() as patch:
        patch.setattr(drawing, "draw", failing)
        with pytest.raises(ValueError, match="cannot be drawn into .*No space left"):
            kzoo.data.open("scenes", "train", examples=40)
    assert len(kzoo.data.open("scenes", "train", examples=40)) == 40


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="can be written to in TFDS_DATA_DIR"):
        kzoo.data.open("scenes", "train", examples=40)


@pytest.mark.slow
def test_drawing_that_is_killed_leaves_nothing_broken(tmp_path):
    code = "import kzoo.data; kzoo.data.open('scenes', 'train', examples=500)"
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    while not list(tmp_path.rglob("*incomplete*")) and process.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    # Nor do two that draw at the same time disturb each other.
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment)
        for _ in range(2)
    ]
    assert [process.wait() for process in both] == [0, 0]
