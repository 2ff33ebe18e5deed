"""Runs that are killed (signal 9) at any moment, and started again, end as one that
was not: shuffled, augmented, with dropout, averages and a plateau.
"""

import random

import pytest

from tests.train import processes
from tests.train.test_loop import assert_same_state, rows, state

KILLED = -9


def start(folder, workers, output, *killed):
    strategy = "one" if workers == 1 else "multiworker"
    if workers == 1:
        return [processes.start("job", folder, strategy, *killed, output=output)]
    arguments = workers, "job", folder, strategy, *killed
    return processes.start_workers(*arguments, output=output)


def run_to_the_end(folder, workers, output):
    started = start(folder, workers, output)
    codes = processes.finish(*started)
    assert codes == [0] * workers, output.parent


def kill(folder, workers, output, rng):
    """Starts the job, which kills one of its workers; the others are ended as by
    whoever started them.
    """
    moment = rng.randrange(0, 10) + saved(folder), rng.uniform(0, 0.03)
    victim = rng.randrange(workers)
    started = start(folder, workers, output, moment, victim)
    codes = processes.finish(started[victim])
    for process in started:
        process.kill()
        process.join()
    return codes == [KILLED]


def saved(folder):
    path = folder / "checkpoint" / "state.npz"
    return state(folder)[0]["step"] if path.exists() else 0


def check(tmp_path, workers, times, seed):
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    run_to_the_end(whole, workers, tmp_path / "whole.txt")
    rng = random.Random(seed)
    killed, steps = 0, set()
    while killed < times:
        if saved(folder) > 14:
            # It got near the end alive: once more from the beginning.
            run_to_the_end(folder, workers, tmp_path / "killed.txt")
            assert_same_state(state(folder), state(whole))
            folder = tmp_path / f"killed{killed}"
        killed += kill(folder, workers, tmp_path / "killed.txt", rng)
        steps.add(saved(folder))
    run_to_the_end(folder, workers, tmp_path / "killed.txt")
    assert_same_state(state(folder), state(whole))
    assert rows(folder) == rows(whole)
    return steps


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_ends_as_one_that_was_not(tmp_path, workers):
    check(tmp_path, workers, times=2, seed=workers)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_twenty_times(tmp_path, workers):
    assert len(check(tmp_path, workers, times=20, seed=10 + workers)) > 3


@pytest.mark.parametrize("victim", [0, 1])
def test_a_dead_worker_ends_the_job_with_its_name(tmp_path, victim):
    """And starting all again continues; that is the test above."""
    output = tmp_path / "out.txt"
    started = start(tmp_path / "run", 2, output, (5, 0.0), victim)
    codes = processes.finish(*started, timeout=90)
    assert codes[victim] == KILLED and codes[1 - victim] == 1
    said = (tmp_path / f"out.txt.{1 - victim}").read_text().splitlines()[-1]
    assert said.startswith(f"error: worker {victim} (localhost:")
    assert said.endswith(
        ") is gone, and the others cannot go on without it. Its own output says why. "
        "Start all again: the run continues from its last saved state"
    )
