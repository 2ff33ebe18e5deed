"""The state of a run in one file: all that continuing exactly needs.

`state.npz` holds every variable of the model (weights, batch statistics, random
seeds) and of the optimizer (momenta, averages, loss scale, its step) and a line of
JSON: step, best score, what it belongs to. The data needs no state, being a function
of (seed, step). The file is a zip of plain arrays: it cannot run code, and a damaged
byte shows in its checksums. It replaces the one before in one step or not at all.
"""

import json
import os
import pathlib
import zipfile

import numpy as np


class CheckpointError(Exception):
    """A checkpoint that cannot be written or does not fit; says which and why."""


def save(path, model, optimizer, note):
    """Writes the state; a failure, as of a full disk, leaves the old file.

    Args:
      path: a file, or None on a worker that only takes part in reading variables.
      note: what JSON can hold; `restore` gives it back.
    """
    arrays = {key: v.numpy() for key, v in _variables(model, optimizer).items()}
    if path is None:
        return
    path = pathlib.Path(path)
    arrays["note"] = np.array(json.dumps(note))
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CheckpointError(
            f"the state of the run could not be saved to {path}: "
            f"{error.strerror or error}. What was saved before is untouched"
        ) from error


def read_note(path):
    """The note of a checkpoint, or None where there is no file."""
    if not pathlib.Path(path).exists():
        return None
    with _open(path) as arrays:
        return json.loads(str(arrays["note"]))


def restore(path, model, optimizer):
    """Sets all variables as they were saved, or none; returns the note.

    Raises:
      CheckpointError: if the file is damaged or is of another model or optimizer.
    """
    variables = _variables(model, optimizer)
    with _open(path) as arrays:
        stored = set(arrays.files) - {"note"}
        if stored != set(variables):
            few = sorted(stored ^ set(variables))[:3]
            raise CheckpointError(
                f"{path} is of another model or optimizer: they differ in "
                f"{len(stored ^ set(variables))} variables, as {', '.join(few)}"
            )
        values = {key: _array(arrays, key, path) for key in variables}
        note = json.loads(str(arrays["note"]))
    for key, variable in variables.items():
        if tuple(variable.shape) != values[key].shape:
            raise CheckpointError(
                f"{path} is of another model: {key} is {values[key].shape} there "
                f"and {tuple(variable.shape)} here"
            )
    for key, variable in variables.items():
        variable.assign(values[key])
    return note


def _variables(model, optimizer):
    """{"model/0003 stem_conv/kernel": variable, ...}; paths alone may repeat."""
    owners = {"model": model.variables, "optimizer": optimizer.variables}
    return {
        f"{owner}/{i:04d} {variable.path.replace('/', '.')}": variable
        for owner, variables in owners.items()
        for i, variable in enumerate(variables)
    }


def _open(path):
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise _damaged(path, error) from error


def _array(arrays, key, path):
    try:
        return arrays[key]
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise _damaged(path, error) from error


def _damaged(path, error):
    return CheckpointError(
        f"{path} is damaged ({str(error).splitlines()[0]}). Put back a copy, or remove "
        "it to start the run anew"
    )
