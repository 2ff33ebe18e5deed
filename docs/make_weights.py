"""Writes the table of docs/weights.md from the code: python -m docs.make_weights."""

import pathlib
from unittest import mock

from kzoo import models, weights
from kzoo.preprocessing import Preprocess

PAGE = pathlib.Path(__file__).with_name("weights.md")
MARK = "<!-- from here on: python -m docs.make_weights -->\n"
HEADER = "| set | file | hash | licence | score | classes |\n|---|---|---|---|---|---|"
SHOWN = 12  # digits of a hash
# Built to the end, since they give their VGG other pixels than it has by itself.
OTHER_PIXELS = ("ssd300", "ssd300_torchvision", "ssd512")


class _Found(Exception):
    pass


def pixels(row):
    """The mode of a builder's `Preprocess`: its first layer, where building stops."""

    if row.builder in OTHER_PIXELS:
        made = models.build(row.builder, **row.arguments).layers
        return next(x.mode for x in made if isinstance(x, Preprocess))

    def stop(layer, *_, **__):
        raise _Found(layer.mode)

    with mock.patch.object(Preprocess, "__call__", stop):
        try:
            models.build(row.builder, **row.arguments)
        except _Found as found:
            return str(found)
    raise ValueError(f"{row.builder} has no Preprocess")


def address(url):
    """As a browser takes it."""
    if not url.startswith("hf://"):
        return url
    owner, repository, file = url.removeprefix("hf://").split("/", 2)
    return f"https://huggingface.co/{owner}/{repository}/resolve/main/{file}"


def file_name(url):
    """A hub's files all have one name; their repository tells them apart."""
    parts = url.split("/")
    return parts[-2] if url.startswith("hf://") else parts[-1]


def line(row):
    arguments = ", ".join(f"{k}={v!r}" for k, v in row.arguments.items())
    name = f"`{row.name}`" + (f" ({arguments})" if arguments else "")
    kind, _, digits = row.hash.partition(":")
    digest = f"{kind} {digits[:SHOWN]}" if row.hash else "of the first download"
    file = f"[{file_name(row.url)}]({address(row.url)})"
    cells = (name, file, digest, row.licence, row.score, row.classes)
    return f"| {' | '.join(cells)} |"


def table():
    rows = weights.table()
    parts = []
    for builder in models.names():
        ours = [row for row in rows if row.builder == builder]
        if ours:
            title = f"### {builder}\n\nPixels: `{pixels(ours[0])}`"
            parts.append("\n".join([title, "", HEADER, *map(line, ours)]))
    return "\n\n".join(parts) + "\n"


def write():
    text = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(f"{text}{MARK}\n{table()}")


if __name__ == "__main__":
    write()
