"""A model as a folder: `model.json` and `model.weights.h5`. Nothing in it runs code.

model.json holds the builder's name and arguments, the class names, the task's
settings, scores that somebody measured, and the versions that wrote it.
"""

import dataclasses
import json
import os
import pathlib
import shutil

import keras

from kzoo.models import build
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
    spec = getattr(model, "spec", None)
    if spec is None:
        raise ValueError(f"{model.name} was not made by a kzoo builder")
    if None in spec.arguments.values() and spec.arguments.get("backbone", "") is None:
        raise ValueError(
            f"{model.name} has a backbone that was not made by a kzoo builder: "
            "it could not be built again. Use keras.Model.save_weights"
        )
    return {
        **dataclasses.asdict(spec),
        "class_names": list(model.task.class_names) if model.task else None,
        "task": model.task.settings() if model.task else None,
        "versions": {"kzoo": __version__, "keras": keras.__version__},
    }


def load(folder):
    """The model that `save` wrote, or the best one of a recipe's workdir.

    Raises:
      FileNotFoundError: if there is none.
      ValueError: if the files are damaged or were written for another model.
    """
    folder = find(pathlib.Path(folder))
    description = read_description(folder)
    model = build(description["builder"], **description["arguments"])
    if model.task:
        model.task.class_names = description["class_names"]
        for name, value in description["task"].items():
            setattr(model.task, name, value)
    try:
        model.load_weights(folder / WEIGHTS)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{folder / WEIGHTS} does not hold the weights of "
            f"{description['builder']}: {reason}"
        ) from error
    return model


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
        missing = {"builder", "arguments", "class_names", "task"} - set(description)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if missing:
        raise ValueError(f"{path} is not a kzoo model: no {', '.join(sorted(missing))}")
    return description
