"""TensorFlow's errors that a person can do something about, in one sentence."""

import contextlib
import re

import tensorflow as tf

from kzoo.data import BadData
from kzoo.train.devices import worker_addresses


class LostWorker(Exception):
    """Another worker is gone, and with it the run; says which and what to do."""


@contextlib.contextmanager
def named_errors():
    """Turns an error about a worker that is gone into a `LostWorker`, and one about a
    picture that cannot be decoded into `kzoo.data.BadData`.
    """
    try:
        yield
    except tf.errors.OpError as error:
        named = _lost_worker(error) or _bad_picture(error)
        if named is None:
            raise
        raise named from error


def _lost_worker(error):
    kinds = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.InternalError,
    )
    found = re.search(r"/job:worker/replica:\d+/task:(\d+)", error.message or "")
    if not found or not isinstance(error, kinds):
        return None
    number = int(found[1])
    return LostWorker(
        f"worker {number} ({worker_addresses()[number]}) is gone, and the others "
        "cannot go on without it. Its own output says why. Start all again: the run "
        "continues from its last saved state"
    )


def _bad_picture(error):
    words = error.message or ""
    found = re.search(r"\[cannot decode picture\] \[(.*?)\]", words)
    if not found:
        return None
    return BadData(
        f"{found[1]}: the picture cannot be decoded. Mend it or take it out; a run "
        "that was training continues from its last saved state"
    )
