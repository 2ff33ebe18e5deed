"""The one training loop: every task, one device or many, stopped and resumed.

Why not `fit`: under several workers it is broken in Keras 3.15, it resumes to other
weights than an uninterrupted run has, and a loss that is added to it is scaled by
the number of devices. What it does besides a step of training is in this file.
"""

import dataclasses
import signal
import time

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from kzoo import saving
from kzoo.train import checkpoint
from kzoo.train.devices import distribute, is_chief
from kzoo.train.plots import curves
from kzoo.train.step import averaged_weights
from kzoo.train.workdir import Log


@dataclasses.dataclass(frozen=True)
class Plan:
    """When a run does what, in steps.

    Attributes:
      steps: of the whole run.
      evaluate_every: steps between evaluations; there is one at the end too.
      save_every: steps between states to continue from.
      log_every: steps whose mean is one row of the log.
      steps_per_call: steps that run without coming back to Python.
      best: the score that chooses the best model, the higher the better.
    """

    steps: int
    evaluate_every: int
    save_every: int
    log_every: int = 10
    steps_per_call: int = 1
    best: str = "mAP"


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite; says where, and what is left."""


class Stopped(SystemExit):
    """Somebody asked the run to stop; its state is saved."""


class Loop:
    """A run of training in a workdir.

    Args:
      step: a `kzoo.train.TrainStep`.
      batches: a function of (start_step, (worker, workers)) to the dataset of
        training batches from that step on.
      evaluate: a function to {"mAP": ...} of the model as it is.
      plan: a `Plan`.
      workdir: a `kzoo.train.Workdir`. What it holds of an earlier run is continued.
      identity: what a state must have been saved with to be continued here; plain
        JSON, as the source of the data and the size of a batch.
      ids: a function of a step to the names of the examples in its batch.
    """

    def __init__(self, step, batches, evaluate, plan, workdir, identity, ids=None):
        self.train_step, self.batches, self.evaluate = step, batches, evaluate
        self.plan, self.workdir, self.identity, self.ids = plan, workdir, identity, ids
        self.strategy = step.strategy
        self.model, self.optimizer = step.model, step.optimizer
        self.chief = is_chief(self.strategy)
        self.step, self.best, self.seconds = 0, None, 0.0
        self.pending = []
        self.stop_signal = None

    def run(self):
        """Trains to the last step; returns the scores of the best model.

        Raises:
          NonFiniteLoss: with the terms and the examples; the last state is kept.
          Stopped: on Ctrl-C or SIGTERM, after saving.
          kzoo.train.CheckpointError: the workdir is of another run, or is full.
        """
        self._restore()
        self._open_logs()
        bar = self._bar()
        handlers = self._catch_signals()
        try:
            self._train(bar)
        finally:
            bar.close()
            for name, handler in handlers.items():
                signal.signal(name, handler)
        return self.best

    def _train(self, bar):
        stream = iter(
            distribute(self.strategy, lambda worker: self.batches(self.step, worker))
        )
        began = time.monotonic() - self.seconds
        while self.step < self.plan.steps:
            count = self._steps_to_go()
            values = self.train_step(stream, tf.constant(count))
            self.pending.append(values)
            self.step += count
            if self._due(self.plan.log_every):
                self._log(bar)
            self.seconds = time.monotonic() - began
            evaluated = self._due(self.plan.evaluate_every)
            if evaluated:
                self._evaluate(bar)
            if evaluated or self._due(self.plan.save_every) or self.stop_signal:
                self._save()
            if self.stop_signal:
                raise Stopped(
                    f"stopped at step {self.step} of {self.plan.steps}; "
                    "the same command continues from here"
                )

    def _steps_to_go(self):
        """Steps until something else than training is due, at most a call's."""
        events = (
            self.plan.log_every,
            self.plan.evaluate_every,
            self.plan.save_every,
            self.plan.steps_per_call,
        )
        return min(
            self.plan.steps - self.step,
            self.plan.steps_per_call,
            *(every - self.step % every for every in events),
        )

    def _due(self, every):
        return self.step % every == 0 or self.step == self.plan.steps

    def _log(self, bar):
        """Checks and notes the mean of the steps since the last row."""
        values = np.concatenate([v.numpy() for v in self.pending])
        self.pending.clear()
        names = self.train_step.names
        bad = np.flatnonzero(~np.isfinite(values).all(axis=-1))
        if bad.size:
            raise self._non_finite(self.step - len(values) + bad[0], values[bad[0]])
        row = dict(zip(names, values.mean(axis=0, dtype=np.float64).tolist()))
        row["learning_rate"] = self._learning_rate()
        self._note(row)
        bar.update(self.step - bar.n)
        bar.set_postfix(loss=f"{row['loss']:.3f}", **self._best_note())

    def _non_finite(self, step, values):
        terms = dict(zip(self.train_step.names, values.tolist()))
        shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        examples = ", ".join(self.ids(int(step))) if self.ids else "not known"
        saved = checkpoint.read_note(self.workdir.state)
        last = f"step {saved['step']}" if saved else "nothing yet"
        return NonFiniteLoss(
            f"the loss is not finite at step {step}: {shown}; learning rate "
            f"{self._learning_rate():.4g}; examples {examples}. The last saved state, "
            f"{last}, is kept in {self.workdir.state}. Try a lower --learning_rate, "
            "a longer warm-up or --clip_norm"
        )

    def _learning_rate(self):
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        return float(inner.learning_rate.numpy())

    def _best_note(self):
        name = self.plan.best
        return {name: f"{self.best[name]:.3f}"} if self.best else {}

    def _evaluate(self, bar):
        """Scores the averaged weights, and keeps them if they are the best."""
        with averaged_weights(self.model, self.optimizer):
            scores = self.evaluate()
            flat = {k: v for k, v in scores.items() if isinstance(v, (int, float))}
            score = scores[self.plan.best]
            highest = self.best[self.plan.best] if self.best else None
            if self.best is None or (score or 0.0) > (highest or 0.0):
                self.best = {**scores, "step": self.step}
                if self.chief:
                    saving.save(self.model, self.workdir.model, self.best)
        self._note(flat)
        if self.chief:
            curves(self.workdir.log, self.workdir.curves)
            shown = " ".join(f"{k} {flat[k]:.3f}" for k in list(flat)[:3])
            bar.write(f"step {self.step}: {shown}")

    def _open_logs(self):
        self.log = Log(self.workdir.log, self.step) if self.chief else None
        self.board = None
        if self.chief:
            self.board = tf.summary.create_file_writer(str(self.workdir.tensorboard))

    def _note(self, row):
        """One row in log.csv and in TensorBoard."""
        if not self.chief:
            return
        self.log.add({"step": self.step, **row})
        with self.board.as_default(self.step):
            for name, value in row.items():
                tf.summary.scalar(name, value)

    def _save(self):
        note = {
            "step": self.step,
            "best": self.best,
            "seconds": self.seconds,
            "identity": self.identity,
        }
        # All workers read their variables, since that may need them all.
        path = self.workdir.state if self.chief else None
        checkpoint.save(path, self.model, self.optimizer, note)
        if self.board:
            self.board.flush()

    def _restore(self):
        note = checkpoint.read_note(self.workdir.state)
        if note is None:
            return
        for name, value in self.identity.items():
            if note["identity"].get(name) != value:
                raise checkpoint.CheckpointError(
                    f"{self.workdir.folder} holds a run with {name} "
                    f"{note['identity'].get(name)!r}, not {value!r}: "
                    "use another --workdir, or the flags in its config.flags"
                )
        checkpoint.restore(self.workdir.state, self.model, self.optimizer)
        self.step, self.best = note["step"], note["best"]
        self.seconds = note["seconds"]

    def _bar(self):
        return tqdm(
            desc="train",
            total=self.plan.steps,
            initial=self.step,
            unit="step",
            # Where nobody watches (a log file), a line a minute is enough.
            mininterval=0.5,
            disable=None if self.chief else True,
        )

    def _catch_signals(self):
        """The first Ctrl-C or SIGTERM stops at the next step, the second at once."""
        before = {}

        def stop(number, frame):
            self.stop_signal = number
            signal.signal(signal.SIGINT, signal.default_int_handler)

        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, stop)
        return before
