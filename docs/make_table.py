"""Prints README's table of models from the registry: python -m docs.make_table."""

from kzoo import models

HEADER = "| model | task | parameters | multiply-adds | published score | paper |"


def row(card):
    """One line of the table."""
    title = f"{card.paper.authors.split(',')[0]} et al., {card.paper.venue}"
    paper = f"[{title}](https://arxiv.org/abs/{card.paper.arxiv})"
    size = f"{card.parameters / 1e6:.2f} M"
    work = f"{card.multiply_adds / 1e9:.2f} G" if card.multiply_adds else "not measured"
    cells = (f"`{card.name}`", card.task, size, work, card.score, paper)
    return f"| {' | '.join(cells)} |"


def table():
    lines = [row(models.card(name)) for name in models.names()]
    return "\n".join([HEADER, "|---|---|---|---|---|---|", *lines])


if __name__ == "__main__":
    print(table())
