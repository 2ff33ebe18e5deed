"""The one training loop: every task, one device or many, stopped and resumed.

Why not `fit`: under several workers it is broken in Keras 3.15, it resumes to other
weights than an uninterrupted run has, and a loss that is added to it is scaled by
the number of devices. What it does besides a step of training is in this file.
"""

import dataclasses
import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from kzoo import saving
from kzoo.train import checkpoint
from kzoo.train.devices import Workers, is_chief
from kzoo.train.errors import named_errors
from kzoo.train.journal import Journal
from kzoo.train.schedules import learning_rate, schedule_of
from kzoo.train.step import averaged_weights
from kzoo.train.stopping import CONTINUE, Stopped, Stopper
from kzoo.version import __version__


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
      patience: evaluations without a better score after which the run ends; None to
        go on to the last step.
      snapshots: keep every model that was evaluated, for ensembles.
    """

    steps: int
    evaluate_every: int
    save_every: int
    log_every: int = 10
    steps_per_call: int = 1
    best: str = "mAP"
    patience: int | None = None
    snapshots: bool = False


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite; says where, and what is left."""


class Loop:
    """A run of training in a workdir.

    Args:
      step: a `kzoo.train.TrainStep` or `MultiScale`.
      batches: a function of (start_step, (worker, workers)), for a MultiScale with two
        arguments more, to the dataset of training batches from that step on. For a run
        to be continued exactly it must depend on nothing else.
      evaluate: a function to {"mAP": ...} of the model as it is.
      plan: a `Plan`.
      workdir: a `kzoo.train.Workdir`. What it holds of an earlier run is continued.
      identity: what a state must have been saved with to be continued here; plain
        JSON, as the source of the data and the size of a batch.
      ids: a function of a step to the names of the examples in its batch.
    """

    def __init__(self, step, batches, evaluate, plan, workdir, identity, ids=None):
        self.train_step, self.batches, self.evaluate = step, batches, evaluate
        self.plan, self.workdir, self.ids = plan, workdir, ids
        self.strategy = step.strategy
        self.model, self.optimizer = step.model, step.optimizer
        self.chief, self.workers = is_chief(self.strategy), Workers(self.strategy)
        # The run so far: steps taken, the step of the last evaluation, the best scores.
        self.step, self.evaluated, self.best, self.seconds = 0, 0, None, 0.0
        self.identity = _plain({**identity, **_identity(self.model)})
        self._restored = False
        self._pending = []  # losses of steps that are not in the log yet

    def run(self):
        """Trains to the last step; returns the scores of the best model.

        Raises:
          NonFiniteLoss: with the terms and the examples; the last state is kept.
          Stopped: on Ctrl-C or SIGTERM, after saving.
          LostWorker: another process of the run died.
          kzoo.data.BadData: a picture cannot be decoded.
          CheckpointError: the workdir is of another run, or is full.
        """
        self.restore()
        folder = self.workdir if self.chief else None
        journal = Journal(folder, self.step, self.plan.steps)
        with named_errors(), Stopper() as self.stopper, journal as self.journal:
            self._train()
        return self.best

    def restore(self):
        """Continues from the workdir's state if there is one. Writes nothing: a caller
        may wait for it to succeed before touching the workdir's other files.

        Raises:
          CheckpointError: the state is damaged or is of another run.
        """
        if self._restored:
            return
        note = checkpoint.read_note(self.workdir.state)
        if note is not None:
            self._check(note)
            checkpoint.restore(self.workdir.state, self.model, self.optimizer)
            self.step, self.evaluated = note["step"], note["evaluated"]
            self.best, self.seconds = note["best"], note["seconds"]
        if not self.workers.agree(self.step):
            raise checkpoint.CheckpointError(
                f"the workers do not see the same state in {self.workdir.folder}: "
                "--workdir has to be on a disk that all of them share"
            )
        self._restored = True

    def _check(self, note):
        """Compares what a state belongs to with this run."""
        identity, saved_by = note.get("identity", {}), note.get("versions", {})
        for name in sorted({*identity, *self.identity}):
            there, here = identity.get(name), self.identity.get(name)
            if there != here:
                raise checkpoint.CheckpointError(
                    f"{self.workdir.folder} holds a run with {name} {there!r}, not "
                    f"{here!r}: use another --workdir, or the flags in its config.flags"
                )
        for name, version in versions().items():
            if self.chief and saved_by.get(name) != version:
                print(
                    f"the state was saved by {name} {saved_by.get(name)}, this is "
                    f"{version}: the run goes on, but perhaps not to the last bit",
                    file=sys.stderr,
                )

    def _train(self):
        stream = None
        self._began = time.monotonic() - self.seconds
        while True:
            # First, since a run may have been stopped just before an evaluation.
            if self._due("evaluate_every") and self.evaluated < self.step:
                self._evaluate()
            if self.step == self.plan.steps or self._stalled():
                return
            # Only here: a run that is over needs none.
            stream = stream or self.train_step.stream(self.batches, self.step)
            count = self._steps_to_go()
            self._pending.append(self.train_step(stream, tf.constant(count)))
            self.step += count
            stop = self.workers.any(self.stopper.asked)
            save = stop or self._due("evaluate_every") or self._due("save_every")
            if save or self._due("log_every"):
                self._log()
            if save:
                self._save()
            if stop:
                at = f"stopped at step {self.step} of {self.plan.steps}"
                raise Stopped(f"{at}; {CONTINUE}")

    def _stalled(self):
        """Whether the last evaluations brought no better score, as --patience counts.

        From what a state holds anyway, so that a run that ended stays ended.
        """
        if self.plan.patience is None or self.best is None:
            return False
        waited = self.evaluated - self.best["step"]
        return waited >= self.plan.patience * self.plan.evaluate_every

    def _steps_to_go(self):
        """Steps until something else than training is due, at most a call's."""
        every = (self.plan.log_every, self.plan.evaluate_every, self.plan.save_every)
        left = [steps - self.step % steps for steps in every]
        return min(self.plan.steps - self.step, self.plan.steps_per_call, *left)

    def _due(self, event):
        every = getattr(self.plan, event)
        return self.step == self.plan.steps or self.step % every == 0

    def _log(self):
        """Checks and notes the mean of the steps since the last row."""
        values = np.concatenate([v.numpy() for v in self._pending])
        self._pending.clear()
        bad = np.flatnonzero(~np.isfinite(values).all(axis=-1))
        if bad.size:
            terms = zip(self.train_step.names, values[bad[0]].tolist())
            shown = ", ".join(f"{name} {value:.4g}" for name, value in terms)
            raise self._non_finite("loss", self.step - len(values) + bad[0], shown)
        means = values.mean(axis=0, dtype=np.float64).tolist()
        row = dict(zip(self.train_step.names, means))
        row["learning_rate"] = learning_rate(self.optimizer, self.step - 1)
        best = {self.plan.best: self.best[self.plan.best]} if self.best else {}
        self.journal.losses(self.step, row, best)

    def _non_finite(self, what, step, shown):
        """The error for the step that began when `step` steps had been taken."""
        step = int(step)
        examples = ", ".join(self.ids(step)) if self.ids else "not known"
        saved = checkpoint.read_note(self.workdir.state)
        kept = (
            f"The state of step {saved['step']} is kept in {self.workdir.state}"
            if saved
            else "No state was saved yet"
        )
        return NonFiniteLoss(
            f"the {what} is not finite at step {step + 1}: {shown}; learning rate "
            f"{learning_rate(self.optimizer, step):.4g}; examples {examples}. {kept}. "
            "Try a lower --learning_rate, a longer --warmup or --clip_norm"
        )

    def _evaluate(self):
        """Scores the averaged weights, and keeps them if they are the best."""
        with averaged_weights(self.model, self.optimizer):
            # Everything is saved: one process alone may drop what it is at.
            with self.stopper.at_once(self.workers.count == 1):
                scores = self.evaluate()
            score = scores[self.plan.best] or 0.0
            if self.best is None or score > (self.best[self.plan.best] or 0.0):
                self.best = {**scores, "step": self.step}
                if self.chief:
                    saving.save(self.model, self.workdir.model, self.best)
            if self.plan.snapshots and self.chief:
                folder = self.workdir.snapshots / f"{self.step:06d}"
                saving.save(self.model, folder, {**scores, "step": self.step})
        schedule = schedule_of(self.optimizer)
        if schedule:
            schedule.watch(score)
        self.journal.scores(self.step, scores)
        self.evaluated = self.step
        self._save()

    def _save(self):
        arrays = checkpoint.collect(self.model, self.optimizer)
        for name, array in arrays.items():
            if name.startswith("model/") and not np.isfinite(array).all():
                raise self._non_finite("weight", self.step - 1, name)
        self.seconds = time.monotonic() - self._began
        note = {
            "step": self.step,
            "evaluated": self.evaluated,
            "best": self.best,
            "seconds": self.seconds,
            "identity": self.identity,
            "versions": versions(),
        }
        if self.chief:
            checkpoint.save(self.workdir.state, arrays, note)


def versions():
    """Of what decides about the last bit of a weight."""
    return {
        "kzoo": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


def _identity(model):
    """What of a model a state must fit: its builder, arguments and classes."""
    described = saving.describe(model)
    arguments = {f"{k}= of the model": v for k, v in described["arguments"].items()}
    return {
        "builder": described["builder"],
        "classes": described["class_names"],
        **arguments,
    }


def _plain(value):
    """As JSON gives it back: lists for tuples."""
    return json.loads(json.dumps(value))
