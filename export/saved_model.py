r"""Writes a model as a SavedModel that takes raw pictures of any size.

    python -m export.saved_model --model=runs/first

Its signature "raw" gives the network's own outputs.
"""

from absl import flags

from export import common
from recipes import program

flags.adopt_module_key_flags(common)


def main(_):
    common.write(["saved_model"])


if __name__ == "__main__":
    program.run(main)
