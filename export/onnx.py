r"""Writes a model as an ONNX file that takes raw pictures of any size.

python -m export.onnx --model=runs/first
python -m export.onnx --model=runs/first --nonms --output=runs/first/raw
"""

from absl import app

from export import common


def main(_):
    common.write(["onnx"])


if __name__ == "__main__":
    app.run(main)
