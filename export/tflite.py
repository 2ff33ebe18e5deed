r"""Writes a model as TFLite files, builtin operations only.

    python -m export.tflite --model=runs/first --precision=float16
    python -m export.tflite --model=runs/first --precision=float32,int8 --data=scenes

int8 looks at pictures of --data, so that it knows how large activations get.
"""

from absl import flags

import kzoo
from export import common
from kzoo import data, deploy
from recipes import program

flags.adopt_module_key_flags(common)

PRECISION = flags.DEFINE_list(
    "precision", ["float32"], f"One or more of {', '.join(deploy.PRECISIONS)}."
)
flags.register_validator(
    "precision",
    lambda names: names and set(names) <= set(deploy.PRECISIONS),
    f"--precision takes one or more of {', '.join(deploy.PRECISIONS)}",
)
DATA = flags.DEFINE_string("data", "scenes", "Where int8's pictures come from.")
SPLIT = flags.DEFINE_string("split", "train", "The split of --data.")
CALIBRATION = flags.DEFINE_integer(
    "calibration", 200, "Pictures that int8 looks at.", lower_bound=1
)


def pictures():
    """The pictures to calibrate by, (h, w, 3) uint8."""
    task = kzoo.load(common.MODEL.value).task.name
    source = data.open(DATA.value, SPLIT.value, task=task, examples=CALIBRATION.value)
    return (example["image"] for example in source.read())


def main(_):
    calibration = pictures() if "int8" in PRECISION.value else None
    common.write([f"tflite_{name}" for name in PRECISION.value], calibration)


if __name__ == "__main__":
    program.run(main)
