"""The time until a program can begin."""

import importlib.util
import subprocess
import sys

from benchmarks.racing import race


def importing(module):
    """The maker of a program that imports `module`, if it is installed."""

    def make():
        if importlib.util.find_spec(module) is None:
            raise ImportError(f"no module {module}")
        return lambda: subprocess.run(
            [sys.executable, "-c", f"import {module}"], check=True, capture_output=True
        )

    return make


def races():
    peers = {name: importing(name) for name in ("keras", "keras_cv", "keras_hub")}
    notes = {"kzoo": "its parts are imported when they are used"}
    yield race(
        "import kzoo, in a fresh process",
        {"kzoo": importing("kzoo"), **peers},
        turns=5,
        notes=notes,
    )
    yield race(
        "import kzoo.models, all builders, in a fresh process",
        {"kzoo.models": importing("kzoo.models"), "keras": importing("keras")},
        turns=5,
    )
