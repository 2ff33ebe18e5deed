"""Spaces of settings to search at random: how they are said, drawn from, narrowed."""

import csv

import numpy as np
from matplotlib.figure import Figure

KINDS = ("log", "uniform", "int", "choice")


def parse(texts):
    """{name: (kind, values)} of ["name=kind(a,b)", ...]."""
    space = {}
    for text in texts:
        name, _, call = text.partition("=")
        kind, _, inside = call.strip().partition("(")
        if kind not in KINDS or not inside.endswith(")") or not name.strip():
            raise ValueError(
                f"--space={text}: say NAME=KIND(...), KIND one of {', '.join(KINDS)}, "
                "for example learning_rate=log(1e-4,1e-1)"
            )
        words = [word.strip() for word in inside[:-1].split(",")]
        space[name.strip()] = kind, _values(kind, words, text)
    return space


def _values(kind, words, text):
    if kind == "choice":
        if not all(words):
            raise ValueError(f"--space={text}: a choice is empty")
        return tuple(words)
    try:
        low, high = (int(w) if kind == "int" else float(w) for w in words)
    except ValueError:
        raise ValueError(f"--space={text}: {kind} takes two numbers") from None
    if not low < high or (kind == "log" and low <= 0):
        above = " above 0" if kind == "log" else ""
        raise ValueError(f"--space={text}: {kind} takes low < high{above}")
    return low, high


def narrowed(space, best, times):
    """The space around the values `best`, each range `times` times narrower."""
    result = {}
    for name, (kind, values) in space.items():
        result[name] = kind, values
        if kind != "choice":
            to, back = (np.log, np.exp) if kind == "log" else (float, float)
            low, high = to(values[0]), to(values[1])
            reach = (high - low) / times / 2
            ends = max(low, to(best[name]) - reach), min(high, to(best[name]) + reach)
            low, high = (float(back(end)) for end in ends)
            if kind == "int":
                low, high = int(np.floor(low)), int(np.ceil(high))
            result[name] = kind, (low, high)
    return result


def draw(trial, space):
    """{name: value} of a trial of Optuna's."""
    values = {}
    for name, (kind, limits) in space.items():
        if kind == "choice":
            values[name] = trial.suggest_categorical(name, limits)
        elif kind == "int":
            values[name] = trial.suggest_int(name, *limits)
        else:
            values[name] = trial.suggest_float(name, *limits, log=kind == "log")
    return values


def at_the_edge(space, best, share=0.1):
    """Names of ranges whose best value lies in their first or last tenth."""
    names = []
    for name, (kind, values) in space.items():
        if kind != "choice":
            to = np.log if kind == "log" else float
            low, high = to(values[0]), to(values[1])
            place = (to(best[name]) - low) / (high - low)
            if not share <= place <= 1 - share:
                names.append(name)
    return names


def write_table(table, path):
    """Writes rows, dicts with the same keys, as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def print_table(table):
    widths = {name: max(12, len(name) + 2) for name in table[0]}
    print("".join(f"{name:{width}}" for name, width in widths.items()))
    for row in table:
        words = {name: _shown(row[name]) for name in widths}
        print("".join(f"{words[name]:{width}}" for name, width in widths.items()))


def _shown(value):
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_picture(table, space, score, path):
    """Draws the score against each setting; log ranges on a log axis, choices in the
    order in which they were given. What was pruned has the score that it had by then.
    """
    figure = Figure(figsize=(4.2 * len(space), 3.6), layout="constrained")
    grid = figure.subplots(1, len(space), sharey=True, squeeze=False)[0]
    styles = {"coarse": ("C0", "o"), "fine": ("C3", "D"), "pruned": ("C7", "x")}
    for axes, (name, (kind, values)) in zip(grid, space.items()):
        for label, (color, marker) in styles.items():
            points = [
                (_place(row[name], kind, values), row[score])
                for row in table
                if row[score] is not None and group(row) == label
            ]
            if points:
                axes.scatter(*zip(*points), c=color, marker=marker, label=label)
        if kind == "log":
            axes.set_xscale("log")
        elif kind == "choice":
            axes.set_xticks(range(len(values)), values)
            axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_xlabel(name)
        axes.grid(alpha=0.3)
    grid[0].set_ylabel(score)
    grid[0].legend(fontsize="small")
    figure.savefig(path, dpi=120)


def _place(value, kind, values):
    """Where a setting is on its axis."""
    return values.index(value) if kind == "choice" else value


def group(row):
    """What a row of the table is drawn as: coarse, fine or pruned."""
    return "pruned" if row["state"] == "pruned" else row["trial"].partition("_")[0]
