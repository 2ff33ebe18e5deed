"""Trained models, as folders of kzoo's or as files that ship."""

import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import kzoo
from kzoo.ensembles import average, seen_as


class Opened(NamedTuple):
    """predict: a function from a list of pictures to a list of dicts as `kzoo.predict`
    gives them; class_names; task: "detection" or "classification".
    """

    predict: Callable
    class_names: list
    task: str


def open_model(path):
    """What is at `path`, an `Opened`.

    Args:
      path: a recipe's workdir, a folder that `kzoo.save` wrote, or any exported file.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model {path}")
    if path.suffix in (".tflite", ".onnx") or (path / "saved_model.pb").exists():
        shipped = kzoo.deploy.open(path)
        return Opened(shipped, shipped.class_names, shipped.metadata["task"])
    model = kzoo.load(path)
    predict = functools.partial(kzoo.predict, model)
    return Opened(predict, model.task.class_names, model.task.name)


def open_models(paths, views="none"):
    """Several classifiers as one, whose probabilities are averaged; or any one model.

    Args:
      views: see `kzoo.ensembles.seen_as`.
    """
    opened = [open_model(path) for path in paths]
    first = opened[0]
    for path, other in zip(paths, opened):
        if list(other.class_names) != list(first.class_names):
            raise ValueError(
                f"{path} knows {', '.join(other.class_names)}; "
                f"{paths[0]} {', '.join(first.class_names)}"
            )
    if first.task == "classification":
        predict = average([each.predict for each in opened], first.class_names)
        predict = seen_as(predict, views, first.class_names)
        return first._replace(predict=predict)
    if len(opened) > 1 or views != "none":
        raise ValueError(
            f"{paths[0]} is for {first.task}: only the answers of classifiers can be "
            "averaged, of several models as of several views"
        )
    return first
