"""A folder for TFDS of this run only, and small folders in each format."""

import json

import numpy as np
import pytest
from PIL import Image

import kzoo.data


@pytest.fixture(scope="session", autouse=True)
def tfds_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def scenes(tfds_folder):
    return kzoo.data.open("scenes", "train", examples=50)


@pytest.fixture
def paint():
    return painted


def painted(path, size=(40, 30), colour=(200, 30, 30)):
    """Writes a picture of one colour, width x height pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


VOC_OBJECT = """<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin>
<ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture
def voc(tmp_path):
    """f({split: {stem: [(name, difficult, xmin, ymin, xmax, ymax)]}}) -> the folder."""

    def make(data, size="<size><width>40</width><height>30</height></size>"):
        for split, pictures in data.items():
            for stem, objects in pictures.items():
                painted(tmp_path / "JPEGImages" / f"{stem}.jpg")
                text = "".join(VOC_OBJECT.format(*row) for row in objects)
                write(
                    tmp_path / "Annotations" / f"{stem}.xml",
                    f"<annotation>{size}{text}</annotation>",
                )
            lines = "\n".join(pictures)
            write(tmp_path / "ImageSets" / "Main" / f"{split}.txt", lines)
        return tmp_path

    return make


@pytest.fixture
def coco(tmp_path):
    """f(annotations, **changes of the JSON) -> a folder with split "val2017"."""

    def make(annotations, **changes):
        painted(tmp_path / "val2017" / "one.jpg")
        painted(tmp_path / "val2017" / "two.jpg")
        data = {
            "images": [
                {"id": 7, "file_name": "one.jpg", "width": 40, "height": 30},
                {"id": 3, "file_name": "two.jpg", "width": 40, "height": 30},
            ],
            "categories": [{"id": 9, "name": "dog"}, {"id": 4, "name": "cat"}],
            "annotations": annotations,
            **changes,
        }
        write(tmp_path / "annotations" / "instances_val2017.json", json.dumps(data))
        return tmp_path

    return make


@pytest.fixture
def yolo(tmp_path):
    """f({split: {stem: lines or None}}) -> the folder."""

    def make(data, names="names: [cat, dog]\n"):
        write(tmp_path / "data.yaml", names)
        for split, pictures in data.items():
            (tmp_path / "labels" / split).mkdir(parents=True, exist_ok=True)
            for stem, lines in pictures.items():
                painted(tmp_path / "images" / split / f"{stem}.png")
                if lines is not None:
                    write(tmp_path / "labels" / split / f"{stem}.txt", lines)
        return tmp_path

    return make


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def example(source, index):
    return {name: np.asarray(x) for name, x in source.example(index).items()}
