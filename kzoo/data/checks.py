"""What may come in at the door: one sentence for each thing that may not."""

from typing import NamedTuple

import numpy as np

TOLERANCE = 1.0  # pixels: annotation tools round, so this little outside is clipped
SHOWN = 5


class BadData(ValueError):
    """A data set that breaks a rule; the message names the file, the row, the rule."""


class Skipped(NamedTuple):
    file: str
    row: str
    reason: str

    def __str__(self):
        return f"{self.file}{', ' if self.row else ''}{self.row}: {self.reason}"


class Problems:
    """Collects what is wrong with a data set; `settle` raises, or keeps the list.

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
        """Raises BadData if there is anything to raise; else the list of Skipped."""
        if self.found and not self.skip:
            lines = [str(problem) for problem in self.found[:SHOWN]]
            if len(self.found) > SHOWN:
                lines.append(f"... and {len(self.found) - SHOWN} more")
            lines.append("Mend the files, or leave such rows out: bad_data='skip'.")
            raise BadData("\n".join(lines))
        return self.found


def broken_rule(box, width, height):
    """Why a box (4,) xyxy in pixels cannot be used; None if it can, after clipping."""
    if not np.all(np.isfinite(box)):
        return f"box {_show(box)} is not made of finite numbers"
    x0, y0, x1, y1 = box
    if x1 <= x0 or y1 <= y0:
        return f"box {_show(box)} (xmin, ymin, xmax, ymax) has no area"
    if (
        min(x0, y0) < -TOLERANCE
        or x1 > width + TOLERANCE
        or y1 > height + TOLERANCE
        or min(x1, y1, width - x0, height - y0) <= 0
    ):
        return f"box {_show(box)} leaves the picture ({width} x {height} pixels)"
    return None


def _show(box):
    return "(" + ", ".join(f"{side:g}" for side in box) + ")"
