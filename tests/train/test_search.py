"""Spaces of settings: what can be said, what is drawn, how they narrow."""

import numpy as np
import optuna
import pytest
from matplotlib.figure import Figure

from kzoo.train import search

SAID = [
    "rate=log(1e-4, 1e-1)",
    "drop=uniform(0,0.5)",
    "depth=int(1,9)",
    "a=choice(x,y)",
]


def test_what_is_said():
    assert search.parse(SAID) == {
        "rate": ("log", (1e-4, 1e-1)),
        "drop": ("uniform", (0.0, 0.5)),
        "depth": ("int", (1, 9)),
        "a": ("choice", ("x", "y")),
    }


@pytest.mark.parametrize(
    "text, words",
    [
        ("rate", "say NAME=KIND"),
        ("rate=logarithm(1,2)", "one of log, uniform, int, choice"),
        ("rate=log(1,2", "say NAME=KIND"),
        ("=log(1,2)", "say NAME=KIND"),
        ("rate=log(0,1)", "log takes low < high above 0"),
        ("rate=uniform(2,1)", "uniform takes low < high"),
        ("rate=uniform(1)", "uniform takes two numbers"),
        ("rate=int(1.5,2)", "int takes two numbers"),
        ("a=choice(x,)", "a choice is empty"),
    ],
)
def test_what_cannot_be_said(text, words):
    with pytest.raises(ValueError) as error:
        search.parse([text])
    assert words in str(error.value) and text in str(error.value)


def drawn(space, count):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    return [search.draw(study.ask(), space) for _ in range(count)]


def test_log_ranges_are_drawn_evenly_by_their_decades():
    rates = [values["rate"] for values in drawn(search.parse(SAID), 600)]
    decades = np.floor(np.log10(rates))
    for decade in (-4, -3, -2):
        assert np.mean(decades == decade) == pytest.approx(1 / 3, abs=0.06)


def test_a_fine_range_is_narrower_around_the_best_and_inside_the_coarse_one():
    space = search.parse(["rate=log(1e-4,1)", "drop=uniform(0,1)", *SAID[2:]])
    near = search.narrowed(space, {"rate": 1e-2, "drop": 1.0, "depth": 5}, 4)
    # One of four decades, an eighth of the range to either side where it has one.
    assert near["rate"][1] == pytest.approx((10**-2.5, 10**-1.5))
    assert near["drop"][1] == pytest.approx((0.875, 1.0))
    assert near["depth"] == ("int", (4, 6))
    assert near["a"] == space["a"]


def test_the_best_at_the_edge_is_told():
    space = search.parse(SAID)
    inside = {"rate": 1e-3, "drop": 0.25, "depth": 5, "a": "x"}
    assert search.at_the_edge(space, inside) == []
    outside = {"rate": 9e-2, "drop": 0.01, "depth": 5, "a": "x"}
    assert search.at_the_edge(space, outside) == ["rate", "drop"]


def test_a_picture_has_choices_in_the_order_in_which_they_were_given(
    tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *_, **__: drawn.append(figure)
    )
    space = search.parse(["ema=choice(0,0.9,0.99)", "rate=log(1e-4,1e-1)"])
    rows = [
        {"trial": "coarse_000", "state": "complete", "top1": 0.9, "ema": "0.99"},
        {"trial": "coarse_001", "state": "pruned", "top1": 0.5, "ema": "0"},
        {"trial": "fine_000", "state": "fail", "top1": None, "ema": "0.9"},
    ]
    table = [{**row, "rate": 1e-3} for row in rows]
    search.write_picture(table, space, "top1", tmp_path / "search.png")
    choices, rates = drawn[0].axes
    assert [label.get_text() for label in choices.get_xticklabels()] == list(
        space["ema"][1]
    )
    points = [tuple(dots.get_offsets()[0]) for dots in choices.collections]
    assert points == [(2, 0.9), (0, 0.5)]
    assert rates.get_xscale() == "log"
