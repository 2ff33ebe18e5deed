"""Puts the arrays of a file into a model: all that belong there, or an error."""

import dataclasses
import inspect
import os
import pathlib
import re

from kzoo import saving
from kzoo.models.registry import Spec, parse
from kzoo.weights.families import recognize
from kzoo.weights.readers import read

# Layers behind a backbone: pyramid, heads and classifier. Every builder names them so.
_BEHIND_BACKBONE = re.compile(r"(P\d|head|logits|deltas)(_|/)")
_SHOWN = 4


@dataclasses.dataclass(frozen=True)
class Report:
    """What `load` did.

    Attributes:
      source: the file, and whose layout it has.
      loaded: names of the model's weights that got a value.
      skipped: names in the file, as we would call them, that this model has no use for.
      kept: names of the model's weights that keep the value they had.
    """

    source: str
    loaded: list
    skipped: list
    kept: list

    def __str__(self):
        parts = [f"{len(self.loaded)} weights from {self.source}"]
        if self.skipped:
            parts.append(f"not used: {_shortened(_layers(self.skipped))}")
        if self.kept:
            parts.append(f"as they were: {_shortened(_layers(self.kept))}")
        return "; ".join(parts)


def load(model, source):
    """Loads published weights, prints one line about it and returns its `Report`.

    Into a features model (classes=None) goes all but the head. Into a detector goes a
    detector's file, or a classifier's: that one fills its backbone.

    Args:
      model: what a kzoo builder returned.
      source: a file (.npz, .safetensors, .weights.h5), a folder that `kzoo.save` or a
        recipe wrote, or {name: array}; names as torchvision, keras.applications, the
        authors' TFLite files or kzoo have them.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if a weight would miss or be left over, or has another shape, or if
        the file belongs to another network; it names them. The model is unchanged.
    """
    layout, arrays = _arrays(source, model)
    is_detector = model.task is not None and model.task.name != "classification"
    behind = {name for name in _weights(model) if _BEHIND_BACKBONE.match(name)}
    return _put(
        model, source, layout, arrays, is_detector and behind.isdisjoint(arrays)
    )


def load_backbone(model, source):
    """As `load`, and leaves the model's own head as it is: a warm start.

    Into a classifier of other classes goes all but the head, into a detector its
    backbone alone, also from a detector's file.
    """
    layout, arrays = _arrays(source, model)
    return _put(model, source, layout, arrays, backbone_alone=True)


def _arrays(source, model):
    """(the layout of a source, {our name: array})."""
    arrays = source if isinstance(source, dict) else read(source)
    layout = recognize(arrays, _builders(getattr(model, "spec", None)))
    return layout, layout.convert(arrays)


def _weights(model):
    return {weight.path: weight for weight in model.weights}


def _put(model, source, layout, arrays, backbone_alone):
    _check_network(model, source, layout)
    weights = _weights(model)
    wanted = {
        name: weight
        for name, weight in weights.items()
        if not (backbone_alone and _BEHIND_BACKBONE.match(name))
    }
    skipped = [name for name in arrays if name not in wanted]
    _check_names(model, source, wanted, arrays, skipped, backbone_alone)
    for name, weight in wanted.items():
        weight.assign(arrays[name])
    report = Report(
        f"{_name(source)} ({layout.origin})",
        list(wanted),
        skipped,
        [name for name in weights if name not in wanted],
    )
    print(report)
    return report


def _check_names(model, source, wanted, arrays, skipped, backbone_alone):
    """Refuses what would leave a weight of `wanted`, or of the file, out."""
    missing = [name for name in wanted if name not in arrays]
    if backbone_alone or model.task is None:
        skipped = [name for name in skipped if not _BEHIND_BACKBONE.match(name)]
    shapes = [
        f"{name} is {tuple(arrays[name].shape)} there and {tuple(weight.shape)} here"
        for name, weight in wanted.items()
        if name in arrays and tuple(arrays[name].shape) != tuple(weight.shape)
    ]
    faults = []
    if missing:
        faults.append(f"it lacks {_shortened(missing)}")
    if skipped:
        faults.append(f"the model has no {_shortened(skipped)}")
    if shapes:
        faults.append(_shortened(shapes))
    if not faults:
        return
    only_head = all(
        _BEHIND_BACKBONE.match(name) for name in [*missing, *skipped, *shapes]
    )
    if only_head and not backbone_alone:
        faults.append("kzoo.weights.load_backbone takes all but the head")
    raise ValueError(f"{_name(source)} does not fit {model.name}: {'; '.join(faults)}")


def _check_network(model, source, layout):
    """Refuses weights of a network that only looks alike."""
    trained = layout.builders or _builders_of_folder(source)
    networks = _builders(getattr(model, "spec", None))
    if trained and networks and not set(trained) & set(networks):
        raise ValueError(
            f"{_name(source)} has weights of {', '.join(trained)}; "
            f"{model.name} is another network ({', '.join(networks)})"
        )


def _builders(spec):
    """Names of what built a model: its builder and its backbone's."""
    from kzoo import models

    if spec is None:
        return ()
    parameters = inspect.signature(getattr(models, spec.builder)).parameters
    if "backbone" not in parameters:
        return (spec.builder,)
    backbone = spec.arguments.get("backbone", parameters["backbone"].default)
    if isinstance(backbone, dict):
        return (spec.builder, backbone["builder"])
    if isinstance(backbone, str):
        return (spec.builder, parse(backbone)[0])
    return ()


def _builders_of_folder(source):
    if isinstance(source, dict) or not os.path.isdir(source):
        return ()
    description = saving.read_description(saving.find(pathlib.Path(source)))
    return _builders(Spec(description["builder"], description["arguments"]))


def _name(source):
    return "the given arrays" if isinstance(source, dict) else str(source)


def _layers(names):
    """The layers that weights belong to, in their order."""
    return list(dict.fromkeys(name.partition("/")[0] for name in names))


def _shortened(names):
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
