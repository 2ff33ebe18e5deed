"""What all export programs share: which model, where to, and which pictures."""

import pathlib

from absl import flags

import kzoo

MODEL = flags.DEFINE_string(
    "model", None, "A run's folder, or a folder that kzoo.save wrote.", required=True
)
OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the files; the model's folder/export by default."
)
NMS = flags.DEFINE_bool(
    "nms", True, "Non-maximum suppression inside; without it, every anchor's answer."
)


def folder():
    """The folder that the files go to."""
    return pathlib.Path(OUTPUT.value or pathlib.Path(MODEL.value) / "export")


def write(names, calibration=None):
    """Writes the model in each format of `names`, and says where and how big."""
    model = kzoo.load(MODEL.value)
    for name in names:
        path = kzoo.deploy.write(model, name, folder(), calibration, NMS.value)
        print(f"{path}  {size(kzoo.deploy.size_of(path))}")


def size(count):
    """Bytes as people say them."""
    return f"{count / 1e6:.2f} MB"
