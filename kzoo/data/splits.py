"""Splits by name: "train", or a part of one as TFDS writes it, "train[:90%]"."""

import re

import numpy as np

# One word fits all data sets: "validation" finds COCO's val2017 and Roboflow's valid.
ALIASES = {"val": "validation", "valid": "validation", "dev": "validation"}
PART = re.compile(r"^([^\[\]]+?)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?$")


def standard(name):
    """val2017 -> validation, train2017 -> train, Test -> test."""
    name = re.sub(r"\d{4}$", "", name.lower()) or name
    return ALIASES.get(name, name)


def parse(split):
    """ "train[10%:50]" to ("train", "10%", "50"); the ends are None where not given."""
    match = PART.match(split)
    if not match:
        raise ValueError(
            f"split {split!r} cannot be read; it can be like 'train', 'train[:90%]', "
            "'train[90%:]' or 'train[:1000]'"
        )
    return match.groups()


def find(name, available, source):
    """The one of the `available` names that is meant by `name`."""
    available = sorted(available)
    if name in available:
        return name
    for other in available:
        if standard(other) == standard(name):
            return other
    message = f"{source} has no split {name!r}; it has {', '.join(available) or 'none'}"
    if "train" in map(standard, available):
        train = find("train", available, source)
        message += (
            f". One can be cut from {train!r}: '{train}[:90%]' to train with, "
            f"'{train}[90%:]' for the rest"
        )
    raise ValueError(message)


def cut(records, start, end):
    """The part [start:end] of records in a shuffled order, the same for every part."""
    if start is None and end is None:
        return records
    order = np.random.default_rng(0).permutation(len(records))
    start, end = _place(start, 0, len(order)), _place(end, len(order), len(order))
    return [records[i] for i in np.sort(order[start:end])]


def _place(text, default, count):
    if text is None:
        return default
    if text.endswith("%"):
        return round(int(text[:-1]) * count / 100)
    return int(text)


def choose(records, examples, seed, source):
    """`examples` of the records, drawn with a seed, in their old order; None: all."""
    if examples is None or examples == len(records):
        return records
    if not 0 < examples < len(records):
        raise ValueError(
            f"examples is {examples}; {source} can give 1 to {len(records)} of them"
        )
    order = np.random.default_rng(seed).permutation(len(records))
    return [records[i] for i in np.sort(order[:examples])]
