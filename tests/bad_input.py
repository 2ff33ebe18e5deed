"""Makers of bad input: functions that return f(folder) -> what is given to kzoo.

Below them is what it is given to.
"""

import functools
import json
import zipfile

import numpy as np
from absl import flags
from absl.testing import flagsaver
from PIL import Image

import kzoo
from kzoo import models, train
from kzoo.train import checkpoint
from recipes import common, detect
from tests.data.conftest import VOC_OBJECT, painted, write
from tests.test_saving import classifier, edit
from tests.train import program as tiny_program
from tests.train import tiny

RED = (230, 20, 20)
NOISE = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)
H5 = "model.weights.h5"


def text(name, content):
    def make(folder):
        (folder / name).write_text(content)
        return folder / name

    return make


def picture(name, image=None, damage=None, **settings):
    """A picture, red if not given, after damage(its bytes)."""

    def make(folder):
        path = folder / name
        (image or Image.new("RGB", (50, 40), RED)).save(path, **settings)
        path.write_bytes(damage(path.read_bytes()) if damage else path.read_bytes())
        return path

    return make


def cut(name, start=None):
    """A picture whose second half, or 60 bytes after `start`, are lost."""

    def damage(data):
        if start:
            return data[:start] + bytes(60) + data[start + 60 :]
        return data[: len(data) // 2]

    return picture(name, Image.fromarray(NOISE), damage)


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# Data sets: what is made is the words of --data. Their pictures are 40 x 30.
PICTURE = {"id": 3, "file_name": "a.jpg"}
CAT = {"id": 4, "name": "cat"}
ROW = {"id": 1, "image_id": 3, "category_id": 9, "bbox": [5, 6, 10, 12]}


def coco(changes):
    """COCO JSON with `ROW`; changes: of its entries, or a text in its place."""

    def make(folder):
        painted(folder / "train" / "a.jpg")
        data = {
            "images": [PICTURE],
            "categories": [{"id": 9, "name": "dog"}],
            "annotations": [ROW],
        }
        content = changes if isinstance(changes, str) else json.dumps(data | changes)
        write(folder / "annotations" / "instances_train.json", content)
        return f"coco:{folder}"

    return make


def coco_row(row):
    """A second row: what it has other than `ROW`."""
    row = {**ROW, "id": 2, **row} if isinstance(row, dict) else row
    return coco({"annotations": [ROW, row]})


def voc(xml, lost=""):
    """An annotation, or lines of the four sides of cats."""

    def make(folder):
        painted(folder / "JPEGImages" / "a.jpg")
        content = xml
        if not xml.startswith("<"):
            cats = [VOC_OBJECT.format("cat", 0, *x.split()) for x in xml.splitlines()]
            content = f"<a>{''.join(cats)}</a>"
        write(folder / "Annotations" / "a.xml", content)
        if lost:
            (folder / "JPEGImages" / lost).unlink()
        return f"voc:{folder}"

    return make


def yolo(line, names="names: [cat, dog]"):
    def make(folder):
        painted(folder / "images" / "train" / "a.png")
        write(folder / "data.yaml", names)
        (folder / "labels" / "train").mkdir(parents=True)
        (folder / "labels" / "train" / "a.txt").write_bytes(line.encode("latin-1"))
        return f"yolo:{folder}"

    return make


def yolo_names(names):
    return yolo("", names)


def classes(*makers):
    """A folder for each class: one, with a sound picture and those made."""

    def make(folder):
        painted(folder / "train" / "cat" / "a.png")
        for other in makers:
            other(folder / "train" / "cat")
        return f"folder:{folder}"

    return make


@functools.cache
def pair(kind="plain", optimizer="sgd"):
    """A model and its optimizer."""
    model = tiny.model(kind)
    made = train.optimizer(optimizer, 0.1)
    made.build(model.trainable_variables)
    return model, made


def state(damage=lambda path, data: data, made=("plain", "sgd"), **note):
    def make(folder):
        path = folder / "state.npz"
        checkpoint.save(path, checkpoint.collect(*pair(*made)), note)
        path.write_bytes(damage(path, path.read_bytes()))
        return path

    return make


def flip(path, data):
    """Another bit in a kernel."""
    with zipfile.ZipFile(path) as zipped:
        place = zipped.getinfo("model/0000 one.kernel.npy").header_offset + 300
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def run_of(change):
    """The workdir of a run that was of something else."""

    def make(folder):
        identity = {**tiny_program.loop(folder).identity, **change}
        note = {"identity": identity, "versions": {}}
        checkpoint.save(folder / "checkpoint" / "state.npz", {}, note)
        return folder

    return make


saved = functools.cache(classifier)


def model(change):
    """A model folder after change(folder), or with these changes of model.json."""

    def make(folder):
        kzoo.save(saved(), folder / "model")
        if isinstance(change, dict):
            edit(folder / "model", **change)
        else:
            change(folder / "model")
        return folder / "model"

    return make


def weights_of(other):
    return lambda folder: other().save_weights(folder / H5)


def resnet34():
    return models.resnet34(classes=2, width=0.0625, input_shape=(32, 32, 3))


def as_maker(make):
    return make


def as_it_is(value):
    return lambda folder: value


def open_data(words, bad_data="error"):
    task = "classification" if words.startswith("folder:") else "detection"
    return kzoo.data.open(words, "train", task=task, bad_data=bad_data)


def restore(path):
    checkpoint.read_note(path)
    checkpoint.restore(path, *pair())


def continue_run(folder):
    tiny_program.loop(folder).restore()


def workdir_of(path):
    with flagsaver.flagsaver(workdir=str(path)):
        common.open_workdir()


def command_line(word):
    """`python -m recipes.detect WORD` up to its data set."""
    with flagsaver.flagsaver():
        flags.FLAGS(["detect", "--data=yolo:/nowhere", word])
        detect.check_flags()
        common.image_size()
        common.open_source("train", None, "detection")
