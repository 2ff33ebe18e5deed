"""Runs that are killed (signal 9) at any moment, and started again, end as one that
was not: shuffled, augmented, with dropout, averages and a plateau.
"""

import random
import signal

import pytest

from tests.train import processes
from tests.train.test_loop import assert_same_state, rows, state

WORKERS = {"one": 1, "mirrored": 1, "multiworker": 2}  # of each strategy


def start(folder, strategy, output, *interruption):
    arguments = "job", folder, strategy, *interruption
    if WORKERS[strategy] == 1:
        return [processes.start(*arguments, output=output)]
    return processes.start_workers(2, *arguments, output=output)


def run_to_the_end(folder, strategy, output):
    codes = processes.finish(*start(folder, strategy, output))
    assert codes == [0] * WORKERS[strategy], output


def kill(folder, strategy, output, rng):
    """Starts the job, one of whose workers is killed; the others are ended as by
    whoever started them. Returns whether it was killed before its end.
    """
    moment = saved(folder) + rng.randrange(10), rng.uniform(0, 0.03)
    victim = rng.randrange(WORKERS[strategy])
    started = start(folder, strategy, output, moment, victim)
    codes = processes.finish(started[victim])
    for process in started:
        process.kill()
        process.join()
    return codes == [-signal.SIGKILL]


def saved(folder):
    path = folder / "checkpoint" / "state.npz"
    return state(folder)[0]["step"] if path.exists() else 0


def check(tmp_path, strategy, times, seed):
    """Kills runs that many times; returns the steps that they had saved then."""
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    run_to_the_end(whole, strategy, tmp_path / "whole.txt")
    output, rng = tmp_path / "killed.txt", random.Random(seed)
    killed, steps = 0, set()
    while killed < times:
        if saved(folder) > 14:
            # It got near the end alive: another one from the beginning.
            run_to_the_end(folder, strategy, output)
            assert_same_state(state(folder), state(whole))
            folder = tmp_path / f"killed{killed}"
        killed += kill(folder, strategy, output, rng)
        steps.add(saved(folder))
    run_to_the_end(folder, strategy, output)
    assert_same_state(state(folder), state(whole))
    assert rows(folder) == rows(whole)
    return steps


@pytest.mark.parametrize("strategy", ["one", "multiworker"])
def test_a_killed_run_ends_as_one_that_was_not(tmp_path, strategy):
    check(tmp_path, strategy, times=2, seed=WORKERS[strategy])


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy, times", [("one", 20), ("multiworker", 20), ("mirrored", 4)]
)
def test_a_run_that_is_killed_many_times(tmp_path, strategy, times):
    assert len(check(tmp_path, strategy, times, seed=10 + times)) > times // 8


@pytest.mark.parametrize("victim", [0, 1])
def test_a_dead_worker_ends_the_job_with_its_name(tmp_path, victim):
    """And starting all again continues; that is the test above."""
    output = tmp_path / "out.txt"
    started = start(tmp_path / "run", "multiworker", output, (5, 0.0), victim)
    codes = processes.finish(*started, timeout=90)
    assert codes[victim] == -signal.SIGKILL and codes[1 - victim] == 1
    said = last_line(tmp_path / f"out.txt.{1 - victim}")
    assert said.startswith(f"error: worker {victim} (localhost:")
    assert said.endswith(
        ") is gone, and the others cannot go on without it. Its own output says why. "
        "Start all again: the run continues from its last saved state"
    )


def test_one_worker_that_is_asked_to_stop_stops_all_at_one_step(tmp_path):
    output = tmp_path / "out.txt"
    interruption = (5, 0.0), 1, signal.SIGTERM
    started = start(tmp_path / "run", "multiworker", output, *interruption)
    assert processes.finish(*started) == [1, 1]
    step = saved(tmp_path / "run")
    expected = f"stopped at step {step} of 24; the same command continues from here"
    assert 5 <= step < 24
    assert [last_line(tmp_path / f"out.txt.{i}") for i in range(2)] == [expected] * 2


@pytest.mark.slow
def test_workers_that_do_not_see_one_folder_are_told(tmp_path):
    """Only the first one finds the state of the run before."""
    run_to_the_end(tmp_path / "0", "one", tmp_path / "before.txt")
    started = processes.start_workers(2, "apart", tmp_path, output=tmp_path / "out.txt")
    assert processes.finish(*started) == [1, 1]
    for i in range(2):
        assert last_line(tmp_path / f"out.txt.{i}") == (
            f"error: the workers do not see the same state in {tmp_path / str(i)}: "
            "--workdir has to be on a disk that all of them share"
        )


def last_line(path):
    return path.read_text().splitlines()[-1]
