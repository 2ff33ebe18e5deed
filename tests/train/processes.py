"""Runs functions of `tests.train.program` in processes of their own.

They fork from one process that has imported TensorFlow and done nothing with it, so
that each of the many runs that are killed here need not wait for the import.
"""

import multiprocessing
import os
import sys

from recipes import launch

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.train.program"])


def start(name, *arguments, output, environment=None):
    """Starts program.NAME(*arguments), whose output goes to a file."""
    settings = (name, arguments, str(output), environment or {})
    process = CONTEXT.Process(target=_main, args=settings)
    process.start()
    return process


def start_workers(count, name, *arguments, output):
    """The same as workers of one job; their outputs are OUTPUT.0, OUTPUT.1, ..."""
    return [
        start(name, *arguments, output=f"{output}.{i}", environment=environment)
        for i, environment in enumerate(launch.environments(count))
    ]


def finish(*processes, timeout=240):
    """Waits; returns the exit codes."""
    for process in processes:
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def _main(name, arguments, output, environment):
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.update(environment)
    from tests.train import program

    getattr(program, name)(*arguments)
    sys.stdout.flush()
