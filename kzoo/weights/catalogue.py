"""Which published sets a model takes, by name, and what its classes are called."""

import functools
import inspect
import os
import pathlib

from kzoo.models.registry import Spec, parse
from kzoo.weights import download
from kzoo.weights.families import PUBLISHED, sets

_NAMES = pathlib.Path(__file__).parent / "names"


def names(model):
    """The sets that `weights=` and `kzoo.weights.load` take for a model.

    Args:
      model: what a builder returned, a builder's name, or a call of it such as
        "mobilenet_v2(width=0.35)". A detector also takes its backbone's sets.
    """
    return list(dict.fromkeys(row.name for row in _rows(_specs_of(model))))


def table():
    """Every published set, as `Published`; docs/weights.md shows them."""
    return list(PUBLISHED)


def builders_of_download(path):
    """Names of the builders whose published file lies at a path; () of another file."""
    path = pathlib.Path(os.path.abspath(path))
    return tuple(row.builder for row in PUBLISHED if download.place(row.url) == path)


@functools.cache
def class_names(classes):
    """The names of "imagenet", "cifar10", "coco" ... in the order of the outputs; ()
    where we have none."""
    file = _NAMES / f"{classes}.txt"
    return tuple(file.read_text().splitlines()) if file.is_file() else ()


def is_set(model, name):
    """Whether `find` has a set of this name for a model."""
    return _found(_rows(_specs_of(model)), name) is not None


def find(model, name):
    """The published set called `name` that fits `model`.

    The name of its classes stands for a builder's first set.

    Raises:
      ValueError: if there is none; it tells which there are.
    """
    specs = _specs_of(model)
    rows = _rows(specs)
    found = _found(rows, name)
    if found:
        return found
    who = specs[0].builder if specs else model.name
    others = [_said(row) for spec in specs for row in sets(spec.builder)]
    if rows:
        choices = f"it has {', '.join(dict.fromkeys(row.name for row in rows))}"
    elif others:
        choices = f"none has its arguments: published are {', '.join(others)}"
    else:
        choices = "none are published; a path of a file can be given"
    raise ValueError(f"{who} has no weights {name!r}; {choices}")


def _found(rows, name):
    named = [row for row in rows if row.name == name]
    return next(iter(named or [row for row in rows if row.classes == name]), None)


def _said(row):
    """'imagenet of mobilenet_v2(width=0.35)'."""
    arguments = ", ".join(f"{k}={v!r}" for k, v in row.arguments.items())
    return f"{row.name} of {row.builder}" + (f"({arguments})" if arguments else "")


def parts(spec):
    """What built a model, and its backbone: a list of one or two `Spec`s."""
    if spec is None:
        return []
    backbone = _argument(spec, "backbone", None)
    if isinstance(backbone, dict):
        return [spec, Spec(**backbone)]
    if isinstance(backbone, str):
        return [spec, Spec(*parse(backbone))]
    return [spec]


def _specs_of(model):
    from kzoo import models

    if not isinstance(model, str):
        return parts(getattr(model, "spec", None))
    spec = Spec(*parse(model))
    models.card(spec.builder)  # refuses a name that is none
    return parts(spec)


def _rows(specs):
    return [row for spec in specs for row in sets(spec.builder) if _fits(row, spec)]


def _fits(row, spec):
    """Whether a set is of a network of these arguments, as far as rows tell."""
    told = {name for other in sets(spec.builder) for name in other.arguments}
    missing = object()
    for name in {"width", "depth", "growth", *told}:
        here = _argument(spec, name, missing)
        there = _argument(Spec(spec.builder, row.arguments), name, missing)
        if here is not missing and _plain(here) != _plain(there):
            return False
    return True


def _argument(spec, name, default):
    """A builder's argument as it was given, or the builder's own default."""
    from kzoo import models

    parameter = inspect.signature(getattr(models, spec.builder)).parameters.get(name)
    if parameter is None:
        return default
    return spec.arguments.get(name, parameter.default)


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
