"""The folder of a run: what is in it, and how its small files are written.

config.flags     every flag with its value; give it back with --flagfile
checkpoint/      state.npz, from which a second run continues
model/           the best model, for `kzoo.load(workdir)`
snapshots/       all models that were evaluated, where they are wanted
export/          files that ship
log.csv          one row for every few steps and every evaluation
curves.png       the same as a picture
predictions.png  truth and predictions side by side
confusion.png    of a classifier: which class is taken for which
report.json      scores, formats, seconds, versions
tensorboard/     the same as log.csv, for TensorBoard
"""

import csv
import json
import os
import pathlib


class Workdir:
    """Paths in the folder of a run."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise ValueError(
                f"{self.folder} is a file; a workdir is a folder"
            ) from None
        self.config = self.folder / "config.flags"
        self.state = self.folder / "checkpoint" / "state.npz"
        self.model = self.folder / "model"
        self.snapshots = self.folder / "snapshots"
        self.export = self.folder / "export"
        self.log = self.folder / "log.csv"
        self.curves = self.folder / "curves.png"
        self.predictions = self.folder / "predictions.png"
        self.confusion = self.folder / "confusion.png"
        self.report = self.folder / "report.json"
        self.tensorboard = self.folder / "tensorboard"


def write_text(path, text):
    """Replaces the file in one step or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    os.replace(fresh, path)


def write_json(path, value):
    write_text(path, json.dumps(value, indent=2) + "\n")


def _rows_until(path, step):
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("step")]
    return [row for row in rows if int(row["step"]) <= step]


class Log:
    """log.csv: rows of numbers, among them always "step".

    A new column rewrites the file with a wider header: what an evaluation measures
    is known only after the first one.
    """

    def __init__(self, path, step=0):
        """Continues the log at `path`, without rows of steps after `step`."""
        self.path = path
        self.rows = []
        if path.exists():
            try:
                self.rows = _rows_until(path, step)
            except (csv.Error, ValueError) as error:
                raise ValueError(
                    f"{path} is not the log of a run: {error}. Move it away"
                ) from None
        self.names = list(dict.fromkeys(name for row in self.rows for name in row))
        self._rewrite()

    def add(self, row):
        """Adds to the row of the same step, or a new one."""
        last = self.rows[-1] if self.rows else {}
        new_names = [name for name in row if name not in self.names]
        self.names += new_names
        if str(last.get("step")) == str(row["step"]):
            last.update(row)
        else:
            self.rows.append(dict(row))
            if not new_names:
                with open(self.path, "a", newline="") as file:
                    csv.DictWriter(file, self.names).writerow(row)
                return
        self._rewrite()

    def _rewrite(self):
        fresh = self.path.with_name(f"{self.path.name}.new")
        with open(fresh, "w", newline="") as file:
            writer = csv.DictWriter(file, self.names)
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(fresh, self.path)
