import json

import numpy as np
import pytest

import kzoo.data
from tests.data.conftest import example, painted, write

DOG = {"id": 1, "image_id": 3, "category_id": 9, "bbox": [5, 6, 10, 12.5], "iscrowd": 0}
CROWD = {"id": 2, "image_id": 3, "category_id": 4, "bbox": [0, 0, 40, 30], "iscrowd": 1}


def test_boxes_labels_and_crowds(coco):
    source = kzoo.data.open(f"coco:{coco([DOG, CROWD])}", "validation")
    assert source.class_names == ["cat", "dog"]  # in the order of their ids, 4 and 9
    assert source.ids == ["one.jpg", "two.jpg"]
    assert example(source, 0)["boxes"].shape == (0, 4)
    read = example(source, 1)
    np.testing.assert_array_equal(read["boxes"], [[5, 6, 15, 18.5], [0, 0, 40, 30]])
    np.testing.assert_array_equal(read["labels"], [1, 0])
    np.testing.assert_array_equal(read["crowd"], [False, True])


def test_a_json_file_alone_is_train(coco):
    file = coco([DOG]) / "annotations" / "instances_val2017.json"
    assert len(kzoo.data.open(f"coco:{file}", "train")) == 2
    with pytest.raises(
        ValueError, match=r"One can be cut from 'train': 'train\[:90%\]'"
    ):
        kzoo.data.open(f"coco:{file}", "validation")


def test_annotations_beside_the_pictures(tmp_path):
    painted(tmp_path / "valid" / "a.jpg")
    data = {
        "images": [{"id": 0, "file_name": "a.jpg"}],
        "categories": [{"id": 0, "name": "cell"}],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 1, 2, 2]}
        ],
    }
    write(tmp_path / "valid" / "_annotations.coco.json", json.dumps(data))
    source = kzoo.data.open(f"coco:{tmp_path}", "validation")
    np.testing.assert_array_equal(example(source, 0)["boxes"], [[1, 1, 3, 3]])


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"bbox": [5, 6, -1, 4]}, "has no area"),
        ({"bbox": [5, 6, 90, 4]}, "leaves the picture of 40 x 30 pixels"),
        ({"bbox": [5, 6, 4]}, "bbox is [5, 6, 4], not [x, y, width, height]"),
        ({"bbox": [5, 6, 4, None]}, "None is not a number"),
        ({"bbox": [5, 6, 4, float("nan")]}, "is not made of finite numbers"),
        ({"category_id": 5}, "there is no category 5"),
        ({"image_id": 8}, "there is no picture with id 8"),
        ({"id": 1}, "the id is used twice"),
    ],
)
def test_a_bad_row_is_named_or_skipped(coco, change, sentence):
    folder = coco([DOG, {**DOG, "id": 2, **change}])
    with pytest.raises(kzoo.data.BadData) as error:
        kzoo.data.open(f"coco:{folder}", "val")
    file = folder / "annotations" / "instances_val2017.json"
    assert str(error.value).startswith(f"{file}, annotations[1] (id ")
    assert sentence in str(error.value)
    source = kzoo.data.open(f"coco:{folder}", "val", bad_data="skip")
    assert len(source.skipped) == 1 and len(example(source, 1)["boxes"]) == 1


def test_a_row_without_a_box_is_named(coco):
    row = {name: DOG[name] for name in ("id", "image_id", "category_id")}
    with pytest.raises(
        kzoo.data.BadData, match=r"annotations\[0\] \(id 1\).*no 'bbox'"
    ):
        kzoo.data.open(f"coco:{coco([row])}", "val")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"categories": None}, "this is not COCO JSON: it has no list 'categories'"),
        ({"images": {}}, "this is not COCO JSON: it has no list 'images'"),
        ({"categories": [{"id": 1}]}, "a category needs an id and a name"),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
            "two categories have one id",
        ),
        ({"images": [{"id": 1, "file_name": "none.jpg"}]}, "'none.jpg' is in none of"),
        (
            {"images": [{"id": 1, "file_name": "one.jpg"}] * 2},
            "images[1]: the id 1 is used twice",
        ),
        (
            {"images": [None, {"id": 3, "file_name": "one.jpg"}]},
            "images[0]: it needs an id and a file_name",
        ),
    ],
)
def test_a_bad_file_is_named(coco, changes, sentence):
    with pytest.raises(kzoo.data.BadData) as error:
        kzoo.data.open(f"coco:{coco([], **changes)}", "val")
    assert "instances_val2017.json" in str(error.value)
    assert sentence in str(error.value)


def test_what_is_not_json_is_named(coco):
    folder = coco([])
    file = folder / "annotations" / "instances_val2017.json"
    file.write_text("{")
    with pytest.raises(kzoo.data.BadData, match="this is not JSON"):
        kzoo.data.open(f"coco:{folder}", "val")
