"""What the processes of these tests do: see `tests.train.processes`."""

import os
import pathlib
import signal
import threading
import time

import keras
import numpy as np
import tensorflow as tf

from kzoo import data, train
from kzoo.data.augmentation.mixing import Mix
from tests.train import tiny

BATCH = 8


def batches(source, batch_size=BATCH, mixed=False):
    """The function that `train.Loop` takes; `mixed` by MixUp and CutMix."""
    mix = Mix(len(tiny.NAMES), mixup=0.4, cutmix=1.0) if mixed else None

    def stream(start, worker):
        settings = {"training": True, "start_step": start, "worker": worker, "mix": mix}
        return data.batches(source, batch_size, tiny.SIDE, **settings)

    return stream


def made(kind, strategy, rate=0.05, **options):
    """A `TrainStep` of a tiny model, under SGD: Adam divides by gradients, and so
    makes a rounding error of a small one into a large step.
    """
    with strategy.scope():
        model = tiny.model(kind)
        train.set_batch_norm(model, "sync")
        optimizer = train.optimizer("sgd", rate)
    return train.TrainStep(model, optimizer, strategy, **options)


def curve(step, stream, steps, a_call=1):
    """The losses of some steps, (steps, terms)."""
    endless = lambda worker: stream(0, worker).repeat()
    batches = iter(train.distribute(step.strategy, endless))
    calls = [step(batches, tf.constant(a_call)) for _ in range(steps // a_call)]
    return np.concatenate(calls)


def weights(model):
    return {
        f"{i:03d} {v.path}": v.numpy()
        for i, v in enumerate(model.variables)
        if "seed" not in v.path
    }


def learn(folder, strategy, cases, steps, cpus=1):
    """Trains each case (kind, precision, options of `TrainStep` and perhaps "mixed"),
    and writes its curve and weights to the folder.
    """
    if cpus > 1:
        train.split_cpu(cpus)
    made_by = train.strategy(strategy)
    for number, (kind, precision, options) in enumerate(cases):
        keras.config.set_dtype_policy(precision)
        mixed = options.get("mixed", False)
        options = {name: x for name, x in options.items() if name != "mixed"}
        step = made(kind, made_by, l2=1e-3, **options)
        losses = curve(step, batches(tiny.source_for(kind), mixed=mixed), steps)
        if train.is_chief(made_by):
            path = pathlib.Path(folder) / f"{strategy}_{number}.npz"
            np.savez(path, losses=losses, **weights(step.model))


BEST = {"detector": "mAP", "dropout": "top1", "plain": "top1"}
PLAN = train.Plan(24, evaluate_every=8, save_every=3, log_every=4, best="top1")


def loop(folder, kind="dropout", strategy=None, plan=PLAN, **options):
    """A `train.Loop` of a tiny classifier: shuffled, augmented, mixed, with dropout."""
    strategy = strategy or train.strategy("one")
    source = tiny.source_for(kind)
    with strategy.scope():
        schedule = train.Schedule(0.05, plan.steps, "plateau", 4, patience=1)
        model = tiny.model(kind)
        optimizer = train.optimizer("sgd", schedule, ema_momentum=0.5)
    step = train.TrainStep(model, optimizer, strategy, **options)
    return train.Loop(
        step,
        batches(source, mixed=kind == "dropout"),
        evaluation(model, strategy, source),
        plan,
        train.Workdir(folder),
        identity={"data": "tiny"},
        ids=lambda number: data.names_at(source, BATCH, number),
    )


def evaluation(model, strategy, source):
    """Of 12 pictures in batches of 8: the second has four that count."""

    def stream(worker):
        settings = {"training": False, "worker": worker}
        return data.batches(source, BATCH, tiny.SIDE, **settings)

    return train.Evaluation(model, strategy, stream, total=2, progress=False)


def job(folder, strategy="one", moment=None, worker=0, number=signal.SIGKILL):
    """Runs `loop`, until a moment at which it gets a signal.

    Args:
      moment: (step, seconds after it began); None to run to the end.
      worker: the one that gets it.
    """
    if strategy == "mirrored":
        train.split_cpu(2)
    made_by = train.strategy(strategy)
    running = loop(folder, strategy=made_by)
    if moment and worker == _number(made_by):
        settings = (running, *moment, number)
        threading.Thread(target=_send, args=settings, daemon=True).start()
    try:
        running.run()
    except (train.LostWorker, train.CheckpointError) as error:
        raise SystemExit(f"error: {error}")


def _number(strategy):
    """Of this worker."""
    resolver = strategy.cluster_resolver
    return resolver.task_id if resolver else 0


def _send(running, step, seconds, number):
    while running.step < step:
        time.sleep(0.0005)
    time.sleep(seconds)
    os.kill(os.getpid(), number)


def apart(folder):
    """As workers whose disks are not shared: only the first finds a state."""
    strategy = train.strategy("multiworker")
    folder = pathlib.Path(folder) / str(_number(strategy))
    try:
        loop(folder, strategy=strategy).run()
    except train.CheckpointError as error:
        raise SystemExit(f"error: {error}")


def watched(folder, evaluations, kind="detector"):
    """Trains, evaluates and saves many times; notes the memory after each time."""
    plan = train.Plan(2 * evaluations, 2, 2, log_every=2, best=BEST[kind])
    running = loop(folder, kind, plan=plan)
    evaluate, resident = running.evaluate, []

    def evaluate_and_note():
        resident.append(_resident())
        return evaluate()

    running.evaluate = evaluate_and_note
    running.run()
    np.save(pathlib.Path(folder) / "resident.npy", resident)


def _resident():
    """Bytes of memory that this process occupies."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
