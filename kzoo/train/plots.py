"""The curves of a run, drawn from its log.csv."""

import csv
import math

from matplotlib.figure import Figure

# Columns that are neither learning rate, score nor of these kinds are losses. COCO's
# recalls are in the log, but with them the scores would be twelve curves.
_SCORES = ("mAP", "AP", "top1", "top5")  # how their names begin
_NOT_DRAWN = ("step", "epoch", "seconds", "images_per_second", "AR")
_NOISY = 60  # more points of a loss are drawn faintly, behind their moving mean


def curves(log_csv, path):
    """Draws losses, learning rate and scores against steps.

    Args:
      log_csv: file with a header row; "step" is needed, any of the rest may lack,
        and so may single values. Where a step comes twice, as after a run that was
        killed and continued, the last row holds.
      path: picture file to write; its ending chooses the format.

    Raises:
      ValueError: the file has no column "step".
    """
    columns = read(log_csv)
    rates = [name for name in columns if name == "learning_rate"]
    scores = [name for name in columns if name.startswith(_SCORES)]
    others = (*rates, *scores, *_NOT_DRAWN)
    losses = [name for name in columns if not name.startswith(others)]
    panels = [("loss", losses), ("learning rate", rates), ("score", scores)]
    panels = [panel for panel in panels if panel[1]] or [("no rows yet", [])]
    # Not pyplot: that chooses a backend for the whole process.
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
    grid = figure.subplots(1, len(panels), sharex=True, squeeze=False)[0]
    for axes, (title, names) in zip(grid, panels):
        _panel(axes, title, {name: columns[name] for name in names})
    figure.savefig(path, dpi=120)


def read(log_csv):
    """The columns of a log that hold numbers: {name: [(step, value), ...]}."""
    with open(log_csv, newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or []
        if "step" not in names:
            raise ValueError(
                f"{log_csv} has no column 'step'; it has {', '.join(names) or 'none'}"
            )
        rows = {_number(row["step"]): row for row in reader}
    columns = {}
    for name in names:
        points = [(step, _number(row[name])) for step, row in rows.items()]
        points = [point for point in points if None not in point]
        if points:
            columns[name] = sorted(points)
    return columns


def _number(text):
    """The number that `text` says; None for no number, and for infinity and NaN."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _panel(axes, title, columns):
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    for index, (name, points) in enumerate(columns.items()):
        steps, values = zip(*points)
        color, style = f"C{index % 10}", "o-" if len(values) < 30 else "-"
        if title == "loss" and len(values) > _NOISY:
            axes.plot(steps, values, color=color, alpha=0.3)
            values = _smooth(values)
        label = f"{name} {values[-1]:.3g}"
        axes.plot(steps, values, style, color=color, label=label, markersize=3)
    if title == "score":
        axes.set_ylim(0, 1.02)
    if title == "learning rate":
        axes.set_ylim(bottom=0)
    lowest, highest = axes.dataLim.intervaly
    if title == "loss" and 0 < 20 * lowest < highest:
        axes.set_yscale("log")
    if columns:
        axes.legend(title="last value", fontsize="small", ncols=1 + len(columns) // 7)


def _smooth(values):
    """The mean of each value and its neighbours, a twentieth of all."""
    reach = len(values) // 40
    windows = [values[max(0, i - reach) : i + reach + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]
