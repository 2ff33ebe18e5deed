r"""Writes a model as an ONNX file that takes raw pictures of any size.

    python -m export.onnx --model=runs/first
    python -m export.onnx --model=runs/first --nonms --output=runs/first/raw

The second is for OpenCV, which has no NMS of ONNX's.
"""

from absl import flags

from export import common
from recipes import program

flags.adopt_module_key_flags(common)


def main(_):
    common.write(["onnx"])


if __name__ == "__main__":
    program.run(main)
