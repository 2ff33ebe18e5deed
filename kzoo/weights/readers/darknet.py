"""Darknet's .weights: a header and then all numbers, without names and shapes.

As src/parser.c of https://github.com/pjreddie/darknet reads them: version in three
int32, pictures seen in an int32, from version 0.2 on in an int64, float32s to the end.
"""

import pathlib

import numpy as np

PREFIX = "darknet/"
_OTHER_ORDER = 1000  # a version number above it: matrices are transposed


def read_darknet(path):
    """{"darknet/50676061": all 50,676,061 numbers}: their count is the only name.

    Raises:
      ValueError: if it is no such file, or is cut off inside a number.
    """
    content = np.fromfile(pathlib.Path(path), "uint8")
    if content.size < 16:
        raise ValueError(f"{content.size} bytes are no header of Darknet")
    major, minor, _ = (int(number) for number in content[:12].view("<i4"))
    if min(major, minor) < 0 or max(major, minor) > _OTHER_ORDER:
        raise ValueError(f"kzoo does not read Darknet's version {major}.{minor}")
    body = content[20 if 10 * major + minor >= 2 else 16 :]
    if not body.size or body.size % 4:
        raise ValueError(f"{body.size} bytes behind the header are no float32s")
    numbers = body.view("<f4")
    return {f"{PREFIX}{numbers.size}": numbers}


def count_of(names):
    """How many numbers a file of Darknet has, from the names of its arrays; None if it
    is none of Darknet's."""
    found = [name for name in names if name.startswith(PREFIX)]
    return int(found[0].removeprefix(PREFIX)) if len(found) == 1 else None
