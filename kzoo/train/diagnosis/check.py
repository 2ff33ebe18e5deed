"""A check's outcome: one line for a person, one row for a report."""

import dataclasses
import math

PASS, WARN, FAIL = "PASS", "WARN", "FAIL"
_ORDER = (PASS, WARN, FAIL)


@dataclasses.dataclass(frozen=True)
class Check:
    """What was looked at and found.

    Attributes:
      name: what was looked at, in few words.
      verdict: PASS, WARN or FAIL.
      measured, expected: words with numbers and units.
      advice: what to do where the verdict is not PASS.
      values: the numbers, {name: what JSON can hold}.
    """

    name: str
    verdict: str
    measured: str
    expected: str
    advice: str = ""
    values: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        line = f"{self.verdict}  {self.name}: {self.measured}; expected {self.expected}"
        return line if self.verdict == PASS else f"{line}. {self.advice}"


def grade(value, good, bearable):
    """PASS for a value in `good`, (low, high), WARN for one in `bearable`, else FAIL.

    NaN is in no range.
    """
    for verdict, (low, high) in ((PASS, good), (WARN, bearable)):
        if low <= value <= high:
            return verdict
    return FAIL


def worst(verdicts):
    """The worst of several; PASS of none."""
    return max(verdicts, key=_ORDER.index, default=PASS)


def number(value):
    """`value` as JSON can hold it: NaN and infinity are no JSON."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def some(names, most=3):
    """ "a, b, c and 4 more"."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
