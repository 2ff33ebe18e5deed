"""TFDS data sets as they lie on a machine; nothing here is downloaded."""

import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

import kzoo.data
from kzoo.data import tfds as kzoo_tfds
from tests.data.conftest import example


class KzooTestBoxes(tfds.core.GeneratorBasedBuilder):
    """Two pictures with the features that TFDS gives COCO."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        columns = {
            "area": np.int64,
            "bbox": tfds.features.BBoxFeature(),
            "is_crowd": np.bool_,
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "image/filename": tfds.features.Text(),
            "objects": tfds.features.Sequence(columns),
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(2)}

    def _generate_examples(self, count):
        for i in range(count):
            row = {"area": 9, "bbox": tfds.features.BBox(0.1, 0.2, 0.5, 1.0)}
            row = {**row, "is_crowd": i == 1, "label": "dog"}
            image = np.full((10, 20, 3), 99, np.uint8)
            yield i, {
                "image": image,
                "image/filename": f"{i}.jpg",
                "objects": [row] * i,
            }


@pytest.fixture(params=["tfrecord", "array_record"])
def prepared(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    builder = tfds.builder(
        "kzoo_test_boxes", data_dir=tmp_path, file_format=request.param
    )
    builder.download_and_prepare()
    return request.param


@pytest.mark.parametrize("large", [False, True])
def test_objects_of_a_data_set(prepared, large, monkeypatch):
    if large:
        monkeypatch.setattr(kzoo_tfds, "LARGE", 1)
    if large and prepared == "tfrecord":
        with pytest.raises(ValueError, match="--file_format=array_record"):
            kzoo.data.open("tfds:kzoo_test_boxes", "train")
        return
    source = kzoo.data.open("tfds:kzoo_test_boxes", "train")
    assert source.class_names == ["cat", "dog"]
    read = example(source, source.ids.index("1.jpg"))
    np.testing.assert_allclose(read["boxes"], [[4, 1, 20, 5]], rtol=1e-6)
    assert read["labels"].tolist() == [1] and read["crowd"].tolist() == [True]
    assert read["image"].shape == (10, 20, 3)
    assert len(example(source, source.ids.index("0.jpg"))["boxes"]) == 0


def test_parts_and_numbers_of_examples(prepared):
    assert len(kzoo.data.open("tfds:kzoo_test_boxes", "train[:50%]")) == 1
    assert len(kzoo.data.open("tfds:kzoo_test_boxes", "train", examples=1)) == 1
    with pytest.raises(ValueError, match="examples is 3; .* can give 1 to 2"):
        kzoo.data.open("tfds:kzoo_test_boxes", "train", examples=3)
    with pytest.raises(
        ValueError, match=r"no split 'val'; it has train\. One can be cut"
    ):
        kzoo.data.open("tfds:kzoo_test_boxes", "val")


def test_features_that_do_not_serve_the_task_are_named(prepared):
    with pytest.raises(
        ValueError, match="has no label, only image, image/filename, ob"
    ):
        kzoo.data.open("tfds:kzoo_test_boxes", "train", task="classification")


@pytest.mark.parametrize(
    "name, sentence",
    [
        (
            "voc/2007",
            "is not on this machine .* once, with internet: tfds build voc/2007",
        ),
        ("vocc", "tfds has no data set 'vocc'; did you mean voc"),
        ("voc/1999", "1999"),
    ],
)
def test_what_is_not_here_is_told_at_once(name, sentence, tmp_path, monkeypatch):
    """tfds itself retries the download for minutes."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    start = time.time()
    with pytest.raises(ValueError, match=sentence):
        kzoo.data.open(f"tfds:{name}", "train")
    assert time.time() - start < 20
