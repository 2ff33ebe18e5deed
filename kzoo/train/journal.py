"""What a run shows and writes while it goes on: bar, log.csv, TensorBoard, curves."""

import contextlib
import sys
import time

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from kzoo.train.plots import curves
from kzoo.train.workdir import Log

# Between two lines of progress where there is no bar, as in a file of output.
QUIET = 60  # seconds


class Journal(contextlib.AbstractContextManager):
    """Notes of a run, from `step` on; what an earlier run noted beyond it is dropped.

    Args:
      workdir: a `kzoo.train.Workdir`, or None for a worker that writes nothing.
      step, steps: where the run begins, and its last step.
    """

    def __init__(self, workdir, step, steps):
        self.workdir, self.said = workdir, time.monotonic()
        # None: a bar only where a person watches.
        bar = {"desc": "train", "unit": "step", "disable": None if workdir else True}
        self.bar = tqdm(total=steps, initial=step, mininterval=0.5, **bar)
        if workdir:
            self.log = Log(workdir.log, step)
            self.board = tf.summary.create_file_writer(str(workdir.tensorboard))

    def __exit__(self, *_):
        self.bar.close()
        if self.workdir:
            self.board.close()

    def losses(self, step, row, best):
        """Notes a row of losses; `best`, {name: score}, is shown beside them."""
        self._note(step, row)
        self.bar.update(step - self.bar.n)
        shown = {name: f"{value or 0:.3f}" for name, value in best.items()}
        self.bar.set_postfix(loss=f"{row['loss']:.3f}", **shown)
        if self.bar.disable and time.monotonic() > self.said + QUIET:
            self.say(f"step {step} of {self.bar.total}: loss {row['loss']:.3f}")

    def scores(self, step, scores):
        """Notes an evaluation, and draws the curves anew."""
        numbers = {k: v for k, v in scores.items() if isinstance(v, (int, float))}
        self._note(step, numbers)
        if self.workdir:
            curves(self.workdir.log, self.workdir.curves)
            self.board.flush()
            shown = " ".join(f"{k} {v:.3f}" for k, v in list(numbers.items())[:3])
            self.say(f"step {step}: {shown}")

    def say(self, line):
        """Prints a line above the bar."""
        if self.workdir:
            self.bar.write(line)
            sys.stdout.flush()
            self.said = time.monotonic()

    def _note(self, step, row):
        if not self.workdir:
            return
        self.log.add({"step": step, **row})
        # As NumPy's numbers: TensorFlow remembers every Python number it is given.
        with self.board.as_default(tf.constant(np.int64(step))):
            for name, value in row.items():
                tf.summary.scalar(name, np.float32(value))
