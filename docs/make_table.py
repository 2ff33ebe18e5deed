"""Writes docs/models.md and README's table of papers: python -m docs.make_table."""

import pathlib

from kzoo import models

PAGE = pathlib.Path(__file__).with_name("models.md")
README = PAGE.parents[1] / "README.md"
# How README's table begins.
PAPERS = "| paper | models |\n|---|---|\n"
HEADER = "| model | paper | parameters | multiply-adds | score | weights |"
MEASURED = "| model | stride:channels | parity | SavedModel | TFLite | int8 | ONNX |"
FORMATS = ("saved_model", "tflite_float32", "tflite_int8", "onnx")
INTRODUCTION = """# Every model

Written by `python -m docs.make_table` from what `kzoo.models.card(name)` tells; a test
holds it against the code. Sizes, multiply-adds and scores are the publishers', for the
default arguments: ImageNet top-1 / top-5 in percent or COCO AP, or as the row says.
The weights are names that `weights=` takes; [weights.md](weights.md) says where each
comes from.
"""
MEASUREMENTS = """
## What we measured

Parity is the largest difference between our logits and an independent
implementation's, with the same drawn weights, as a share of the largest logit
(tests/models/test_parity.py). The errors of exported files are the largest difference
of a probability from the Keras model, on the small version of each (all of its layers,
few channels; tests/models/small.py) with drawn weights. `python -m docs.measure` wrote
them. `extraction` alone nobody else has: tests/models/test_darknet_parity.py compares
`yolo_v1`, which begins with it.
"""


def paper(card):
    title = f"{card.paper.authors.split(',')[0]} et al., {card.paper.venue}"
    if card.paper.arxiv:
        return f"[{title}](https://arxiv.org/abs/{card.paper.arxiv})"
    return title


def papers():
    """README's table: a line for each paper, by its year."""
    found = {}
    for name in models.names():
        card = models.card(name)
        found.setdefault((card.paper.venue[-4:], paper(card)), []).append(f"`{name}`")
    lines = [
        line(title, ", ".join(names)) for (_, title), names in sorted(found.items())
    ]
    return PAPERS + "\n".join(lines) + "\n"


def readme():
    """README.md with that table renewed."""
    before, _, rest = README.read_text().partition(PAPERS)
    return before + papers() + "\n" + rest.partition("\n\n")[2]


def published(card):
    """One line of the first table."""
    size = f"{card.parameters / 1e6:.2f} M" if card.parameters else "not published"
    return line(
        f"`{card.name}`",
        paper(card),
        size,
        work(card.multiply_adds),
        card.score or "none",
        ", ".join(card.weights),
    )


def work(multiply_adds):
    if not multiply_adds:
        return "not published"
    if multiply_adds < 1e8:
        return f"{multiply_adds / 1e6:.3g} M"
    return f"{multiply_adds / 1e9:.2f} G"


def measured(card):
    """One line of the second."""
    features = [f"{k} {stride}:{c}" for k, (stride, c) in card.features.items()]
    parity = f"{card.parity[0]:.0e}, {card.parity[1]}" if card.parity else ""
    errors = [shown(card.exports.get(kind, "")) for kind in FORMATS]
    return line(f"`{card.name}`", ", ".join(features), parity, *errors)


def shown(error):
    return error if isinstance(error, str) else f"{error:.0e}"


def line(*cells):
    return f"| {' | '.join(cells)} |"


def page():
    """docs/models.md."""
    text = [INTRODUCTION]
    for task in ("classification", "detection"):
        cards = [models.card(name) for name in models.names(task)]
        text += [f"## {task.capitalize()}", "", HEADER, "|---" * 6 + "|"]
        text += [*map(published, cards), ""]
    cards = [models.card(name) for name in models.names("classification")]
    text += [MEASUREMENTS, MEASURED, "|---" * 7 + "|", *map(measured, cards)]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    README.write_text(readme())
