"""Runs functions of `tests.train.program` in processes of their own.

They fork from one process that has imported TensorFlow and done nothing with it, so
that each of the many runs that are killed here need not wait for the import.
"""

import contextlib
import json
import multiprocessing
import os
import socket
import sys

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
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    return [
        start(
            name,
            *arguments,
            output=f"{output}.{i}",
            environment={"TF_CONFIG": config(addresses, i)},
        )
        for i in range(count)
    ]


def config(addresses, index):
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


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
