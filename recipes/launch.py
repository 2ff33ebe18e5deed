r"""Starts several workers of one job on this machine, for trying `multiworker`.

    python -m recipes.launch -n 2 -- -m recipes.detect --workdir=runs/two

What stands behind `--` is given to Python once for each worker, with TF_CONFIG set. A
line that a worker prints comes out with its number in front. When one dies the others
are ended, and its exit code is that of the launcher. Ctrl-C and SIGTERM are passed on:
the workers save their state, and the same command continues.

On several machines this is a cluster's job: start the same program on each, with
TF_CONFIG as https://www.tensorflow.org/guide/distributed_training says.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from absl import app, flags

WORKERS = flags.DEFINE_integer("n", 2, "Number of workers.", lower_bound=2)
# TensorFlow takes ten seconds to notice that another worker is gone, and then says so.
GRACE = 30  # seconds


def main(words):
    """Runs the workers; returns the exit code."""
    command = words[1:]
    if not command:
        raise app.UsageError("say what to run: -n 2 -- -m recipes.detect --workdir=...")
    workers = [start(command, each) for each in environments(WORKERS.value)]
    readers = [forward(worker, i) for i, worker in enumerate(workers)]
    pass_on_signals(workers)
    code = wait(workers)
    for reader in readers:
        reader.join()
    return code


def environments(count):
    """What each worker finds in its environment."""
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    for index in range(count):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        yield {**os.environ, "TF_CONFIG": json.dumps(config), "PYTHONUNBUFFERED": "1"}


def free_ports(count):
    """Ports that nothing listens on; all held until the last one is found."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(command, environment):
    # In a session of its own, so that Ctrl-C reaches it once, through the launcher.
    return subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def forward(worker, index):
    """A thread that prints what a worker prints, with its number in front."""

    def copy():
        for line in worker.stdout:
            print(f"[{index}] {line}", end="", flush=True)

    thread = threading.Thread(target=copy)
    thread.start()
    return thread


def pass_on_signals(workers):
    def pass_on(number, frame):
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)


def wait(workers):
    """Waits for all to end well, or for one not to; returns the exit code.

    Then the others get the time to notice it, and are ended.
    """
    failed, deadline = None, None
    while any(worker.poll() is None for worker in workers):
        time.sleep(0.1)
        if failed is None:
            failed = first_failed(workers)
            deadline = time.monotonic() + GRACE
        elif time.monotonic() > deadline:
            end(workers)
    failed = first_failed(workers) if failed is None else failed
    return exit_code(workers[failed]) if failed is not None else 0


def first_failed(workers):
    """The number of a worker that ended badly, or None."""
    for index, worker in enumerate(workers):
        if worker.poll():
            how = f"exit code {exit_code(worker)}"
            print(f"worker {index} ended with {how}", file=sys.stderr, flush=True)
            return index
    return None


def exit_code(worker):
    """As a shell gives it: 128 and the signal's number for one that was killed."""
    code = worker.returncode
    return 128 - code if code < 0 else code


def end(workers):
    for worker in workers:
        if worker.poll() is None:
            worker.kill()


if __name__ == "__main__":
    app.run(main)
