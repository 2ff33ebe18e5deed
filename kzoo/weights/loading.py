"""Puts the arrays of a file into a model: all that belong there, or an error."""

import dataclasses
import os
import pathlib
import re

import numpy as np

from kzoo import saving
from kzoo.models.registry import Spec, build
from kzoo.weights import catalogue
from kzoo.weights.download import fetch
from kzoo.weights.families import recognize
from kzoo.weights.readers import read, reader_of

# Layers behind a backbone: pyramid, heads and classifier. Every builder names them so.
_BEHIND_BACKBONE = re.compile(r"(P\d|head|logits|deltas|centerness|objectness)(_|/)")
# Heads that only help to learn: a model without them does not miss them.
_AUXILIARY = re.compile(r"(head|logits)_?aux")
_SHOWN = 4


@dataclasses.dataclass(frozen=True)
class Report:
    """What `load` did.

    Attributes:
      source: the set or file, and whose layout it has.
      loaded: names of the model's weights that got a value.
      skipped: names in the file, as we would call them, that this model has no use for.
      kept: names of the model's weights that keep the value they had.
      renewed: those of `kept` that are the head of other classes than the set's.
    """

    source: str
    loaded: list
    skipped: list
    kept: list
    renewed: list = dataclasses.field(default_factory=list)

    def __str__(self):
        parts = [f"{len(self.loaded)} weights from {self.source}"]
        skipped = [name for name in self.skipped if name not in self.renewed]
        kept = [name for name in self.kept if name not in self.renewed]
        if skipped:
            parts.append(f"not used: {_shortened(_layers(skipped))}")
        if kept:
            parts.append(f"as they were: {_shortened(_layers(kept))}")
        if self.renewed:
            layers = _shortened(_layers(self.renewed))
            parts.append(f"new, since the classes are others: {layers}")
        return "; ".join(parts)


def load(model, source):
    """Loads published weights, prints one line about it and returns its `Report`.

    Into a features model (classes=None) goes all but the head. Into a detector goes a
    detector's file, or a classifier's: that one fills its backbone. Where a published
    set has other classes than the model, the layers that give one output for each
    class stay new, and the line says so; a file must fit as a whole.

    Args:
      model: what a kzoo builder returned.
      source: the name of a published set (`kzoo.weights.names(model)`), a file of one
        of the kinds in `kzoo.weights.readers`, a folder that `kzoo.save` or a recipe
        wrote, or {name: array}; names as their publishers or kzoo have them.

    Raises:
      ConnectionError: if a published set cannot be downloaded; says what to do.
      FileNotFoundError: if there is no such file.
      ValueError: if there is no such set, if a weight would miss or be left over, or
        has another shape, or if the file belongs to another network; it names them.
        The model is unchanged.
    """
    source = _Source.of(model, source)
    is_detector = model.task is not None and model.task.name != "classification"
    behind = {name for name in _weights(model) if _BEHIND_BACKBONE.match(name)}
    backbone_alone = is_detector and behind.isdisjoint(source.arrays)
    report = _put(model, source, backbone_alone)
    _take_class_names(model, source.published)
    return report


def load_backbone(model, source):
    """As `load`, and leaves the model's own head as it is: a warm start.

    Into a classifier of other classes goes all but the head, into a detector its
    backbone alone, also from a detector's file.
    """
    return _put(model, _Source.of(model, source), backbone_alone=True)


@dataclasses.dataclass(frozen=True)
class _Source:
    """Arrays under our names, and where they are from."""

    name: str
    layout: object
    arrays: dict
    builders: tuple  # whose weights they are; () if nobody says
    published: object = None  # its row, if it is a published set

    @classmethod
    def of(cls, model, source):
        published, name, trained, declared = None, str(source), (), ()
        if _is_set(model, source):
            published = catalogue.find(model, source)
            source = fetch(published.url, published.hash)
            name = f"{published.name}, {source.name}"
        if isinstance(source, dict):
            arrays, name = source, "the given arrays"
        else:
            arrays = read(source)
            trained = _builders_of_folder(source)
            declared = catalogue.builders_of_download(source)
        # Names alone can be of two networks: of a download we know which it is.
        layout = recognize(arrays, _builders(model), declared)
        arrays = _resized(model, _with_names(model, layout.convert(arrays)))
        return cls(name, layout, arrays, layout.builders or trained, published)


def _is_set(model, source):
    """Whether text is a set's name, or looks like one and like no path."""
    if not isinstance(source, str):
        return False
    if catalogue.is_set(model, source):
        return True
    return not (os.path.exists(source) or os.path.dirname(source) or reader_of(source))


def _with_names(model, arrays):
    """Arrays that Keras' file numbers, "LAYER/0", under their variables' names."""
    layers = {}
    for name in [name for name in arrays if name.rpartition("/")[2].isdigit()]:
        layer, _, number = name.rpartition("/")
        layers = layers or {layer.name: layer for layer in model.layers}
        if layer in layers and int(number) < len(layers[layer].weights):
            arrays = dict(arrays)
            arrays[layers[layer].weights[int(number)].path] = arrays.pop(name)
    return arrays


def _resized(model, arrays):
    """With what a layer makes of arrays for another size of pictures (positions)."""
    for layer in model.layers:
        if hasattr(layer, "resized_weights"):
            arrays = {**arrays, **layer.resized_weights(arrays)}
    return arrays


def _take_class_names(model, published):
    """Of a set whose classes the model has; a detector keeps those of its own."""
    if published is None or model.task is None:
        return
    names = list(catalogue.class_names(published.classes))
    is_its_own = published.builder == model.spec.builder
    if is_its_own and len(names) == len(model.task.class_names):
        model.task.class_names = names


def _weights(model):
    return {weight.path: weight for weight in model.weights}


def _put(model, source, backbone_alone):
    _check_network(model, source)
    weights = _weights(model)
    renewed = [] if backbone_alone else _renewed(weights, source)
    wanted = {
        name: weight
        for name, weight in weights.items()
        if not (backbone_alone and _BEHIND_BACKBONE.match(name)) and name not in renewed
    }
    skipped = [name for name in source.arrays if name not in wanted]
    _check_names(model, source, wanted, skipped, backbone_alone, renewed)
    # All of them first: what is no number must not stop halfway.
    values = {n: _numbers(source, n, weight.dtype) for n, weight in wanted.items()}
    for name, weight in wanted.items():
        weight.assign(values[name])
    report = Report(
        f"{source.name} ({source.layout.origin})",
        list(wanted),
        skipped,
        [name for name in weights if name not in wanted],
        renewed,
    )
    print(report)
    return report


def _numbers(source, name, dtype):
    try:
        return np.asarray(source.arrays[name], dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} of {source.name} is no numbers: {error}") from error


def _renewed(weights, source):
    """Names of weights that have one number for each class, of which a set has more
    or fewer. Files are taken as a whole."""
    if source.published is None:
        return []
    layers = set()
    for name, weight in weights.items():
        if "logits" in name and name in source.arrays:
            here, there = tuple(weight.shape), np.shape(source.arrays[name])
            if here[:-1] == there[:-1] and here != there:
                layers.add(name.partition("/")[0])
    return [name for name in weights if name.partition("/")[0] in layers]


def _check_names(model, source, wanted, skipped, backbone_alone, renewed):
    """Refuses what would leave a weight of `wanted`, or of the file, out."""
    arrays = source.arrays
    missing = [name for name in wanted if name not in arrays]
    skipped = [n for n in skipped if n not in renewed and not _AUXILIARY.match(n)]
    if backbone_alone or model.task is None:
        skipped = [name for name in skipped if not _BEHIND_BACKBONE.match(name)]
    if backbone_alone and skipped:
        unused = _whole_backbone(model)
        skipped = [name for name in skipped if name not in unused]
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
    raise ValueError(f"{source.name} does not fit {model.name}: {'; '.join(faults)}")


def _whole_backbone(model):
    """Names of all weights of a detector's backbone, also of stages it has no use for:
    a YOLO v1 with cells of 16 pixels ends at C4."""
    names = set()
    for spec in catalogue.parts(model.spec)[1:]:
        arguments = {**spec.arguments, "classes": None}
        arguments.setdefault("input_shape", model.input_shape[1:])
        names |= set(_weights(build(spec.builder, **arguments)))
    return names


def _check_network(model, source):
    """Refuses weights of a network that only looks alike."""
    trained, networks = source.builders, _builders(model)
    if trained and networks and not set(trained) & set(networks):
        raise ValueError(
            f"{source.name} has weights of {', '.join(trained)}; "
            f"{model.name} is another network ({', '.join(networks)})"
        )


def _builders(model):
    """Names of what built a model: its builder and its backbone's."""
    return _names_of(getattr(model, "spec", None))


def _names_of(spec):
    return tuple(part.builder for part in catalogue.parts(spec))


def _builders_of_folder(source):
    if not os.path.isdir(source):
        return ()
    description = saving.read_description(saving.find(pathlib.Path(source)))
    return _names_of(Spec(description["builder"], description["arguments"]))


def _layers(names):
    """The layers that weights belong to, in their order."""
    return list(dict.fromkeys(name.partition("/")[0] for name in names))


def _shortened(names):
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
