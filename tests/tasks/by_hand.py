"""Targets written as lists, and what a detection task makes of raw outputs."""

import numpy as np
import tensorflow as tf


def targets(*pictures, rows=None):
    """Pictures as lists of (box, label), padded to the longest or to `rows`."""
    rows = max(map(len, pictures)) if rows is None else rows
    boxes = np.zeros((len(pictures), rows, 4), "float32")
    labels = np.zeros((len(pictures), rows), "int32")
    valid = np.zeros((len(pictures), rows), bool)
    for i, picture in enumerate(pictures):
        for j, (box, label) in enumerate(picture):
            boxes[i, j], labels[i, j], valid[i, j] = box, label, True
    return {"boxes": boxes, "labels": labels, "valid": valid}


def losses(task, raw, target, size):
    """Each of the losses, as a float."""
    return {k: float(v) for k, v in task.output_losses(raw, target, size).items()}


def gradients(task, raw, target, size):
    """Of the sum of the losses with respect to the raw outputs."""
    raw = {name: tf.constant(x) for name, x in raw.items()}
    with tf.GradientTape() as tape:
        tape.watch(raw)
        loss = sum(task.output_losses(raw, target, size).values())
    return {name: x.numpy() for name, x in tape.gradient(loss, raw).items()}
