"""A model as a folder: `model.json` and `model.weights.h5`. Nothing in it runs code.

model.json holds the builder's name and arguments, the class names, the task's
settings, scores that somebody measured, the versions that wrote it, and the SHA-256
of the weights.
"""

import hashlib
import json
import os
import pathlib
import shutil
import warnings

import keras

from kzoo.models.base import Model
from kzoo.version import __version__

DESCRIPTION = "model.json"
WEIGHTS = "model.weights.h5"


def save(model, folder, scores=None):
    """Writes `model` to `folder`, all of it or nothing.

    Args:
      model: what a kzoo builder returned.
      folder: replaced if it exists.
      scores: measured figures to keep with it, {"mAP": ...}.

    Raises:
      ValueError: if the model was not made by a kzoo builder, or from parts that
        were not.
    """
    folder = pathlib.Path(folder)
    description = describe(model) | {"scores": scores or {}}
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    model.save_weights(fresh / WEIGHTS)
    description["sha256"] = _checksum(fresh / WEIGHTS)
    text = json.dumps(description, indent=2) + "\n"
    (fresh / DESCRIPTION).write_text(text)
    _replace(fresh, folder)


def _replace(fresh, folder):
    """Puts the folder `fresh` in the place of `folder`.

    A folder cannot be replaced in one step: a run killed between the two renames
    leaves `NAME.old`, which `load` takes up.
    """
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    os.rename(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def describe(model):
    """What model.json holds about `model`, apart from its scores."""
    if getattr(model, "spec", None) is None:
        raise ValueError(f"{model.name} was not made by a kzoo builder")
    description = model.get_config()
    if description["arguments"].get("backbone", "") is None:
        raise ValueError(
            f"{model.name} has a backbone that was not made by a kzoo builder: "
            "it could not be built again. Use keras.Model.save_weights"
        )
    versions = {"kzoo": __version__, "keras": keras.__version__}
    return description | {"versions": versions}


def load(folder):
    """The model that `save` wrote, or the best one of a recipe's workdir.

    Raises:
      FileNotFoundError: if there is none.
      ValueError: if the files are damaged or were written for another model.
    """
    folder = find(pathlib.Path(folder))
    description = read_description(folder)
    try:
        model = Model.from_config(description)
    except KeyError as error:
        raise ValueError(f"{folder / DESCRIPTION}: a part has no {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / DESCRIPTION}: {_line(error)}") from error
    _load_weights(model, folder / WEIGHTS, description)
    return model


def _load_weights(model, path, description):
    try:
        with warnings.catch_warnings():
            # Keras only warns of weights that a file lacks, and leaves them random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
        reason = None
    except UserWarning:
        reason = "it is of another model, or a part of it is missing"
    except FileNotFoundError:
        reason = "there is no such file"
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        reason = _line(error)
    # HDF5 itself has no checksums. Folders saved before there was one load, too.
    if not reason and description.get("sha256") not in (None, _checksum(path)):
        reason = f"it was changed since {DESCRIPTION} was written"
    if reason:
        raise ValueError(
            f"{path} does not hold the weights of {description['builder']}: {reason}"
        )


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(error):
    """The first line of what an error says."""
    return str(error).strip().partition("\n")[0]


def find(folder):
    """The folder with model.json: `folder` itself or a workdir's model/."""
    old = folder.with_name(f"{folder.name}.old")
    for place in (folder, old, folder / "model", folder / "model.old"):
        if (place / DESCRIPTION).is_file():
            return place
    raise FileNotFoundError(
        f"no model in {folder}: neither it nor its folder model/ has a {DESCRIPTION}"
    )


def read_description(folder):
    """The contents of model.json, checked."""
    path = pathlib.Path(folder) / DESCRIPTION
    try:
        description = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    has = description if isinstance(description, dict) else {}
    missing = {"builder", "arguments", "class_names", "task"} - set(has)
    if missing:
        raise ValueError(f"{path} is not a kzoo model: no {', '.join(sorted(missing))}")
    return description
