"""What a run shows and writes while it goes on: bar, log.csv, TensorBoard, curves."""

import contextlib

import tensorflow as tf
from tqdm import tqdm

from kzoo.train.plots import curves
from kzoo.train.workdir import Log


class Journal(contextlib.AbstractContextManager):
    """Notes of a run, from `step` on; what an earlier run noted beyond it is dropped.

    Args:
      workdir: a `kzoo.train.Workdir`, or None for a worker that writes nothing.
      step, steps: where the run begins, and its last step.
    """

    def __init__(self, workdir, step, steps):
        self.workdir = workdir
        # No bar where nobody watches, as in a log file.
        hidden = None if workdir else True
        bar = {"desc": "train", "unit": "step", "disable": hidden}
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

    def _note(self, step, row):
        if not self.workdir:
            return
        self.log.add({"step": step, **row})
        with self.board.as_default(step):
            for name, value in row.items():
                tf.summary.scalar(name, value)
