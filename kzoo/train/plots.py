"""The curves of a run, drawn from its log.csv."""

import csv
import math

from matplotlib.figure import Figure

# Columns of the log that are no losses; scores are known by how their names begin.
_NO_CURVE = ("step", "epoch", "seconds", "time")
_SCORES = ("mAP", "AP", "AR", "top1", "top5", "accuracy")


def curves(log_csv, path):
    """Draws losses, learning rate and scores against steps.

    Args:
      log_csv: file with a header row; "step" is needed, any of the rest may lack,
        and so may single values. Where a step comes twice, as after a run that was
        killed and continued, the last row holds.
      path: picture file to write; its ending chooses the format.
    """
    columns = read(log_csv)
    rates = [name for name in columns if name == "learning_rate"]
    scores = [name for name in columns if name.startswith(_SCORES)]
    others = [*rates, *scores, *_NO_CURVE]
    losses = [
        name for name in columns if name not in others and "per_second" not in name
    ]
    panels = [("loss", losses), ("learning rate", rates), ("score", scores)]
    panels = [(title, names) for title, names in panels if names] or [("empty log", [])]
    # Not pyplot: that chooses a backend for the whole process.
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        _panel(axes, *panel, columns)
    figure.savefig(path, dpi=120)


def read(log_csv):
    """The columns of a log that hold numbers: {name: [(step, value), ...]}."""
    with open(log_csv, newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or []
        if "step" not in names:
            raise ValueError(f"{log_csv} has no column 'step', but {', '.join(names)}")
        rows = [(_number(row["step"]), row) for row in reader]
    rows = {step: row for step, row in rows if step is not None}
    columns = {}
    for name in names:
        points = [(step, _number(rows[step][name])) for step in sorted(rows)]
        points = [(step, value) for step, value in points if value is not None]
        if points:
            columns[name] = points
    return columns


def _number(text):
    """The number that `text` says; None for no number, and for infinity and NaN."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _panel(axes, title, names, columns):
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    for name in names:
        steps, values = zip(*columns[name])
        marker = "o" if len(values) < 30 else None
        axes.plot(steps, values, label=name, marker=marker, markersize=3)
    values = [value for name in names for _, value in columns[name]]
    if title == "loss" and min(values) > 0 and max(values) > 20 * min(values):
        axes.set_yscale("log")
    if title == "score":
        axes.set_ylim(0, 1)
    if len(names) > 1:
        axes.legend()
