"""The state of a run in one file: all that continuing exactly needs.

`state.npz` holds every variable of the model (weights, batch statistics, random
seeds), of the optimizer (momenta, averages, loss scale, its step) and of the schedule,
and a line of JSON: step, best score, what it belongs to. The data needs no state,
being a function of (seed, step). The file is a zip of plain arrays: it cannot run
code, and a damaged byte shows in its checksums. It replaces the one before in one step
or not at all.
"""

import contextlib
import json
import os
import pathlib
import re
import zipfile

import numpy as np

from kzoo.train.schedules import schedule_of

FORMAT = 1  # of the file: raise it when an old one can no longer be read


class CheckpointError(Exception):
    """A checkpoint that cannot be written or does not fit; says which and why."""


def collect(model, optimizer):
    """{name: array} of all variables. Under several workers all must call it: some
    variables are read by all of them together.
    """
    return {name: v.numpy() for name, v in _variables(model, optimizer).items()}


def save(path, arrays, note):
    """Writes the state; a failure, as of a full disk, leaves the old file.

    Args:
      arrays: what `collect` gave.
      note: what JSON can hold; `restore` gives it back.
    """
    path = pathlib.Path(path)
    text = json.dumps({"format": FORMAT, **note})
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "wb") as file:
            np.savez(file, note=np.array(text), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise CheckpointError(
            f"the state of the run could not be saved to {path}: "
            f"{error.strerror or error}. What was saved before is untouched"
        ) from error


def read_note(path):
    """The note of a checkpoint, or None where there is no file."""
    path = pathlib.Path(path)
    if not path.exists():
        return None
    with _open(path) as file:
        return _note(file, path)


def restore(path, model, optimizer):
    """Sets all variables as they were saved, or none; returns the note.

    Raises:
      CheckpointError: if the file is damaged or is of another model or optimizer.
    """
    variables = _variables(model, optimizer)
    with _open(path) as file:
        note = _note(file, path)
        differ = (set(file.files) - {"note"}) ^ set(variables)
        if differ:
            raise CheckpointError(
                f"{path} is of another model or optimizer: they differ in "
                f"{len(differ)} variables, as {', '.join(sorted(differ)[:3])}"
            )
        values = {name: _array(file, name, path) for name in variables}
    for name, variable in variables.items():
        if tuple(variable.shape) != values[name].shape:
            raise CheckpointError(
                f"{path} is of another model: {name} is {values[name].shape} there "
                f"and {tuple(variable.shape)} here"
            )
    for name, variable in variables.items():
        variable.assign(values[name])
    return note


def _variables(model, optimizer):
    """{"model/0003 stem_conv.kernel": variable, ...}; paths alone may repeat."""
    schedule = schedule_of(optimizer)
    owners = {
        "model": model.variables,
        "optimizer": optimizer.variables,
        "schedule": schedule.variables if schedule else [],
    }
    return {
        f"{owner}/{i:04d} {_plain(variable.path)}": variable
        for owner, variables in owners.items()
        for i, variable in enumerate(variables)
    }


def _plain(path):
    """A path without the numbers that Keras counts up within a process."""
    return re.sub(r"_\d+(?=/|$)", "", path).replace("/", ".")


def _open(path):
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path} is damaged or no state of a run at all. {_REMEDY}"
        )
    try:
        return np.load(path, allow_pickle=False)
    except Exception as error:
        raise _damaged(path, error) from error


def _note(file, path):
    if "note" not in file.files:
        raise CheckpointError(f"{path} is no state of a run: it has no note. {_REMEDY}")
    try:
        note = json.loads(str(_array(file, "note", path)))
        found = note["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from error
    if found != FORMAT:
        raise CheckpointError(
            f"{path} has format {found!r}, and this version of kzoo reads {FORMAT}. "
            f"{_REMEDY}"
        )
    return note


def _array(file, name, path):
    try:
        return file[name]
    # A damaged zip raises whatever its reader stumbles upon: BadZipFile, zlib.error,
    # OSError, ValueError, NotImplementedError, UnicodeDecodeError ...
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path, error):
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return CheckpointError(f"{path} is damaged ({reason}). {_REMEDY}")


_REMEDY = "Put back a copy, or remove it to start the run anew"
