"""Several programs that do the same, taking turns against the clock."""

import dataclasses
import statistics
import time


@dataclasses.dataclass(frozen=True)
class Race:
    """What came out.

    Attributes:
      title: what was done, with sizes.
      seconds: {contestant: median seconds}, ours first.
      notes: {contestant: why it did not run, or what differs}.
    """

    title: str
    seconds: dict
    notes: dict


def race(title, contestants, turns, notes=None):
    """Runs every contestant once to warm up, then `turns` times in turn.

    Args:
      contestants: {name: function that makes the runner}, ours first. A peer that is
        not installed, or that fails, is noted, and the race goes on without it.
    """
    runners, notes = {}, dict(notes or {})
    for place, (name, make) in enumerate(contestants.items()):
        try:
            runner = make()
            runner()
            runners[name] = runner
        except Exception as error:
            if place == 0:
                raise
            notes[name] = f"not measured: {str(error).splitlines()[0][:120]}"
    times = {name: [] for name in runners}
    for _ in range(turns):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return Race(title, {k: statistics.median(v) for k, v in times.items()}, notes)
