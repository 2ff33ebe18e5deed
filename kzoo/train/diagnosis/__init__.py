"""What a practitioner checks before and while a network learns, as functions.

Each gives a `Check`: verdict, what was measured, what was expected, what to do.
`python -m recipes.doctor` runs them all; docs/practice.md says why each is there.

environment   versions, GPUs and their libraries, XLA, precision, several devices
pictures      pixels as the network gets them, classes, labels, boxes
network       initial loss, gradients, dead ReLUs, size of updates
learning      does it learn a few pictures by heart; which learning rate
drawing       the pictures of all that
"""

from kzoo.train.diagnosis.check import FAIL, PASS, WARN, Check, worst

__all__ = ["Check", "FAIL", "PASS", "WARN", "worst"]
