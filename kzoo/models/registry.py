"""Names of the builders and the facts about each.

A builder is listed with `@register(...)` and is then found by programs that
choose a model with a flag (`build`, `names`) and by people who want to know what
they get (`card`). What a model was built from travels with it, as `model.spec`,
so that saving it needs no more than its weights.
"""

import ast
import dataclasses
import difflib
import functools
import inspect
import json
import pathlib
import re

import keras

_BUILDERS = {}
_SHOWN = 8  # names in an error, of the more than a hundred


@dataclasses.dataclass(frozen=True)
class Paper:
    """Where an architecture was published."""

    authors: str
    title: str
    venue: str
    arxiv: str | None = None


@dataclasses.dataclass(frozen=True)
class Card:
    """The published facts about one builder; what is not known is None.

    Attributes:
      parameters: trainable weights with the builder's default arguments.
      multiply_adds: of convolutions and matrices, at the default input.
      score: the published score, with what it was measured on.
      sources: who publishes the size, the multiply-adds and the score.
      weights: names of the published sets that the builder's `weights` takes.
      features: {level: (stride, channels)} of classes=None; {} if it is no backbone.
      parity: (largest error, relative to the largest logit; against what).
      exports: {format: largest error against Keras, or why it cannot be exported}.
        What we measured, with `python -m docs.measure`.
    """

    name: str
    task: str
    paper: Paper
    parameters: int | None = None
    multiply_adds: float | None = None
    score: str | None = None
    sources: str | None = None
    weights: tuple = ()
    features: dict = dataclasses.field(default_factory=dict)
    parity: tuple | None = None
    exports: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Spec:
    """What builds a model again: a builder's name and its arguments."""

    builder: str
    arguments: dict


def register(task, paper, *facts):
    """Lists a builder under its function name, with its `Card`.

    `facts` are the card's parameters, multiply_adds, score and sources. The builder
    also gets the argument `weights` (None, a published set's name such as "imagenet",
    or a file for `kzoo.weights.load`), and its model gets `spec`.
    """

    def decorator(builder):
        name = builder.__name__
        if name in _BUILDERS:
            raise ValueError(f"two builders are named {name!r}")
        signature = inspect.signature(builder)

        @functools.wraps(builder)
        def wrapped(*, weights=None, **arguments):
            _check_arguments(name, signature, arguments)
            model = builder(**arguments)
            model.spec = Spec(name, _described(arguments))
            if weights is not None:
                from kzoo.weights import load

                load(model, weights)
            return model

        parameters = [
            *signature.parameters.values(),
            inspect.Parameter("weights", inspect.Parameter.KEYWORD_ONLY, default=None),
        ]
        wrapped.__signature__ = inspect.Signature(
            [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        )
        wrapped.card = Card(name, task, paper, *facts)
        _BUILDERS[name] = wrapped
        return wrapped

    return decorator


def _check_arguments(name, signature, arguments):
    for argument in arguments:
        if argument not in signature.parameters:
            choices = ", ".join([*signature.parameters, "weights"])
            raise ValueError(f"{name} has no argument {argument!r}; it has {choices}")


def _described(arguments):
    """The arguments of a spec. Built again, a model gets its weights from its file, its
    backbone's no second time from where they are published."""
    plain = {name: _plain(value) for name, value in arguments.items()}
    if isinstance(plain.get("backbone"), str):
        name, stated = parse(plain["backbone"])
        if stated.pop("weights", None) is not None:
            stated = ", ".join(f"{k}={v!r}" for k, v in stated.items())
            plain["backbone"] = f"{name}({stated})"
    return plain


def _plain(value):
    """`value` as JSON can hold it; a model becomes its builder's call."""
    if isinstance(value, keras.Model):
        spec = getattr(value, "spec", None)
        return dataclasses.asdict(spec) if spec else None
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def names(task=None):
    """The builders' names, all or those of one task: resnet18 before resnet101."""
    tasks = sorted({builder.card.task for builder in _BUILDERS.values()})
    if task is not None and task not in tasks:
        raise ValueError(f"no task {task!r}; kzoo has {', '.join(tasks)}")
    found = [n for n, b in _BUILDERS.items() if task in (None, b.card.task)]
    return sorted(found, key=_by_number)


def _by_number(name):
    """Sorts the numbers in a name as numbers."""
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", name)]


def card(name):
    """What is published about the builder called `name`, and what we measured."""
    from kzoo.weights import sets

    facts = _builder(name).card
    weights = tuple(dict.fromkeys(published.name for published in sets(name)))
    return dataclasses.replace(facts, weights=weights, **_measured().get(name, {}))


@functools.cache
def _measured():
    return json.loads(pathlib.Path(__file__).with_name("measured.json").read_text())


def build(name, **arguments):
    """Builds the model called `name`.

    Args:
      name: a builder's name, or a call of it with keywords as a flag can state
        it: "mobilenet_v2(width=0.35)".
      arguments: the builder's; they win over those stated in `name`.

    Raises:
      ValueError: for a name or argument that does not exist; it tells which do.
    """
    name, stated = parse(name)
    return _builder(name)(**{**stated, **arguments})


def arguments(name):
    """The names of the arguments that the builder called `name` takes."""
    return tuple(inspect.signature(_builder(name)).parameters)


def parse(text):
    """("name", {arguments}) of "name" or "name(argument=value, ...)".

    Values are Python literals; nothing is executed.
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            return call.id, {}
        if call.args or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError
        return call.func.id, {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, AttributeError):
        raise ValueError(
            f"{text!r} is no model; say a name or name(argument=value, ...), "
            "for example mobilenet_v2(width=0.35)"
        ) from None


def check_name(name, task=None):
    """Refuses a name that no builder has, of a task if one is given.

    Raises:
      ValueError: with those that look like it, or all if they are few.
    """
    known = names(task)
    if name in known:
        return
    close = difflib.get_close_matches(str(name), known, _SHOWN, cutoff=0.4)
    shown = known if len(known) <= _SHOWN else close or known[:_SHOWN]
    more = len(known) - len(shown)
    kind = f"{task} model" if task else "model"
    rest = f" and {more} more, which kzoo.models.names() lists" if more else ""
    raise ValueError(f"no {kind} {name!r}; kzoo has {', '.join(shown)}{rest}")


def _builder(name):
    check_name(name)
    return _BUILDERS[name]
