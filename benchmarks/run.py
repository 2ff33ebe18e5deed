r"""Measures kzoo beside its peers: python -m benchmarks.run [--only=imports,operations]

Writes a JSON record, docs/benchmarks.json, and the page of its table, and prints that.
The peers come with `pip install -e .[benchmark]`; those not there are left out.
"""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess

from absl import app, flags

NAMES = (
    "imports",
    "operations",
    "evaluation",
    "input_pipeline",
    "augmentations",
    "training_loop",
    "detectors",
)
ONLY = flags.DEFINE_list("only", list(NAMES), f"Which ones, of {', '.join(NAMES)}.")
OUTPUT = flags.DEFINE_string("output", "docs/benchmarks.json", "The record.")
PAGE = flags.DEFINE_string("page", "docs/benchmarks.md", "The table; empty for none.")
MACHINE = flags.DEFINE_string("machine", "", "What to call this machine in the record.")

PACKAGES = (
    "tensorflow",
    "keras",
    "keras-cv",
    "keras-hub",
    "torch",
    "torchvision",
    "faster-coco-eval",
    "pycocotools",
)

EXPLANATIONS = (
    "Where the ratio is about 1: RetinaNet's step and answer are convolutions, by the",
    "same kernels of TensorFlow for kzoo and keras-hub (process time 8.8 s and 8.9 s a",
    "step); and `import kzoo.models` is `import keras` and all builders.",
    "",
    "On an NVIDIA H200: not measured (none was at hand).",
)


def main(_):
    for name in ONLY.value:
        if name not in NAMES:
            raise app.UsageError(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
    path = pathlib.Path(OUTPUT.value)
    record = json.loads(path.read_text()) if path.exists() else {}
    for name in ONLY.value:
        # Each in a process of its own, so that no peer's threads or memory disturb.
        races = measured(name)
        record[name] = {**surroundings(), "races": races}
        path.write_text(json.dumps(record, indent=1) + "\n")
        print("\n".join(lines(races)))
    if PAGE.value:
        pathlib.Path(PAGE.value).write_text(page(record))


def measured(name):
    """The races of one benchmark, run in a process of their own."""
    code = (
        "import dataclasses, json\n"
        f"from benchmarks import {name} as benchmark\n"
        "found = [dataclasses.asdict(race) for race in benchmark.races()]\n"
        "print('RACES' + json.dumps(found))"
    )
    import sys

    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code]
    output = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    ).stdout
    return json.loads(output.rpartition("RACES")[2])


def surroundings():
    """When, where and with which versions."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    machine = MACHINE.value or f"{os.cpu_count()} CPU cores, {platform.machine()}"
    date = datetime.date.today().isoformat()
    return {"date": date, "commit": commit, "machine": machine, "versions": versions}


def lines(races):
    """Rows of the table."""
    for race in races:
        (ours, first), *peers = race["seconds"].items()
        yield f"| {race['title']} | {shown(first)} | | |"
        for name, seconds in peers:
            note = race["notes"].get(name, "")
            yield f"| - {name} | {shown(seconds)} | {seconds / first:.1f} | {note} |"
        for name, note in race["notes"].items():
            if name not in race["seconds"]:
                yield f"| - {name} | | | {note} |"


def shown(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def page(record):
    """docs/benchmarks.md."""
    text = [
        "# kzoo beside its peers",
        "",
        "Written by `python -m benchmarks.run`; the record: benchmarks.json. The first",
        "line of each group is kzoo's median, then each peer's, and how many times",
        "longer it takes than kzoo (above 1: kzoo is faster). Within a group all took",
        "turns in one process.",
        "",
        "| what | median | ratio | |",
        "|---|---|---|---|",
    ]
    for name in NAMES:
        if name in record:
            text += lines(record[name]["races"])
    text += ["", "| group | date | commit | machine |", "|---|---|---|---|"]
    for name in NAMES:
        if name in record:
            row = record[name]
            cells = (name, row["date"], row["commit"], row["machine"])
            text.append(f"| {' | '.join(cells)} |")
    versions = {k: v for row in record.values() for k, v in row["versions"].items()}
    text += [
        "",
        "Versions: " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ".",
    ]
    text += ["", *EXPLANATIONS]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    app.run(main)
