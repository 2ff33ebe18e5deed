"""Memory over many evaluations and saves."""

import numpy as np
import pytest

from tests.train import processes


@pytest.mark.slow
def test_memory_is_flat_over_many_evaluations(tmp_path):
    """200 evaluations, saves and drawings of curves by a detector.

    Ten minutes and 1000 evaluations were watched once: see docs/training.md.
    """
    job = processes.start("watched", tmp_path, 200, output=tmp_path / "out.txt")
    assert processes.finish(job, timeout=400) == [0]
    resident = np.load(tmp_path / "resident.npy") / 2**20
    # The first ones fill caches of TensorFlow, Matplotlib and the allocator.
    settled, end = np.median(resident[50:80]), np.median(resident[-30:])
    assert end - settled < 10, f"{settled:.0f} MiB became {end:.0f} MiB"
