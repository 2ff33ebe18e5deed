"""Data: a source string to checked examples to batches."""

from kzoo.data.batching import batches
from kzoo.data.checks import BadData, Problems
from kzoo.data.source import TASKS, Source


def open(source, split, *, task="detection", bad_data="error", examples=None, seed=0):
    """Opens a data set by its source string."""
    from kzoo.data import tfds

    problems = Problems(bad_data)
    if source == "scenes":
        return tfds.open_scenes(source, split, task, problems, examples)
    raise ValueError(f"no data source {source!r}")


__all__ = ["BadData", "Source", "TASKS", "batches", "open"]
