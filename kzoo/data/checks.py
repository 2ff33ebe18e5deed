"""What may come in at the door, and one sentence for each thing that may not."""

from typing import NamedTuple

import numpy as np

TOLERANCE = 1.0  # pixels: annotation tools round, so this little outside is clipped
SHOWN = 5


class BadData(ValueError):
    """A data set breaks a rule; the message names the file, the row and the rule."""


class Skipped(NamedTuple):
    file: str
    row: str
    reason: str

    def __str__(self):
        return f"{self.file}{', ' if self.row else ''}{self.row}: {self.reason}"


class Problems:
    """Collects what is wrong with a data set; `settle` raises, or gives the list.

    Args:
      bad_data: "error", or "skip" to leave the rows out and go on.
    """

    def __init__(self, bad_data="error"):
        if bad_data not in ("error", "skip"):
            raise ValueError(f"bad_data is {bad_data!r}; it can be 'error' or 'skip'")
        self.skip = bad_data == "skip"
        self.found = []

    def add(self, file, row, reason):
        self.found.append(Skipped(str(file), row, reason))

    def settle(self):
        """The list of Skipped; raises BadData where they are not to be skipped."""
        if self.found and not self.skip:
            lines = [str(problem) for problem in self.found[:SHOWN]]
            if len(self.found) > SHOWN:
                lines.append(f"... and {len(self.found) - SHOWN} more.")
            lines.append("Mend the files, or leave such rows out with bad_data='skip'.")
            raise BadData("\n".join(lines))
        return self.found


def broken_rule(box, width, height):
    """Why a box (xmin, ymin, xmax, ymax) in pixels cannot be used; None if it can."""
    shown = "box (" + ", ".join(f"{side:g}" for side in box) + ")"
    if not np.all(np.isfinite(box)):
        return f"{shown} is not made of finite numbers"
    x0, y0, x1, y1 = box
    if x1 <= x0 or y1 <= y0:
        return f"{shown} has no area: xmin, ymin, xmax, ymax"
    inside = x1 > 0 and y1 > 0 and x0 < width and y0 < height
    beyond = max(-x0, -y0, x1 - width, y1 - height)
    if not inside or beyond > TOLERANCE:
        return f"{shown} leaves the picture of {width} x {height} pixels"
    return None


def read_text(file):
    """What a text file of a data set says.

    Raises:
      BadData: it is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"{file}: this is not text in UTF-8: {error}") from None


def number(text):
    """A finite or infinite float from a file's text or JSON value.

    Raises:
      ValueError: says what stands there in its place.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"{text!r} is not a number")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    except OverflowError:  # JSON knows whole numbers of any length.
        raise ValueError("a number has more than 300 digits") from None


def different(names, source):
    """Class names as a list; scores are told by them, so no two can be the same.

    Raises:
      BadData: two are.
    """
    names = [str(name) for name in names]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise BadData(
                f"{source}: classes {names.index(name)} and {i} are both {name!r}"
            )
    return names
