r"""Writes a model as a SavedModel that takes raw pictures of any size.

python -m export.saved_model --model=runs/first
"""

from absl import app

from export import common


def main(_):
    common.write(["saved_model"])


if __name__ == "__main__":
    app.run(main)
