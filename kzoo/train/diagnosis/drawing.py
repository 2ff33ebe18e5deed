"""The pictures of a diagnosis: a batch as the network sees it, curves and bars."""

import numpy as np
from matplotlib.figure import Figure

from kzoo import draw
from kzoo.train.diagnosis.learning import smooth, suggest

NAMED = 12  # layers on an axis at most that have their names beside it


def batch(images, targets, class_names, path, most=20):
    """Writes a sheet of pictures with their labels, or with their boxes drawn in.

    Args:
      images: (B, H, W, 3) in 0..255, as a batch has them.
      targets: of that batch, as `kzoo.data.batches` gives them.
    """
    images = np.asarray(images)[:most]
    columns = min(5, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.8 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for i, (axes, image) in enumerate(zip(grid, images)):
        picture, title = _told(image, targets, i, class_names)
        axes.imshow(picture)
        axes.set_title(title, fontsize="small")
    figure.savefig(path, dpi=100)


def _told(image, targets, i, class_names):
    if isinstance(targets, dict):
        rows = np.asarray(targets["valid"][i])
        labels = np.asarray(targets["labels"][i])[rows]
        names = [_name(label, class_names) for label in labels]
        boxes = np.asarray(targets["boxes"][i])[rows]
        return draw.boxes(image, boxes, names, classes=labels), f"{len(boxes)} boxes"
    target = np.asarray(targets[i])
    image = np.clip(image, 0, 255).astype("uint8")
    if target.ndim == 0:
        return image, _name(target, class_names)
    best = np.argsort(-target)[:2]
    shares = [f"{_name(j, class_names)} {target[j]:.2f}" for j in best if target[j]]
    return image, ", ".join(shares)


def _name(label, class_names):
    # A label out of range is to be seen, not to end the program.
    label = int(label)
    return class_names[label] if 0 <= label < len(class_names) else f"? {label}"


def rate_range(rates, losses, rate, path):
    """Draws losses against learning rates, the suggestion, and the rate that is set."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    _rates(axes, rates, losses, rate)
    figure.savefig(path, dpi=120)


def _rates(axes, rates, losses, rate):
    even, found = np.array(smooth(losses)), suggest(rates, losses)
    axes.plot(rates, losses, color="C0", alpha=0.3)
    axes.plot(rates, even, color="C0", label="loss, moving mean")
    finite = even[np.isfinite(even)]
    if len(finite):
        # The last losses of a test that diverged would flatten all others.
        low, high = finite.min(), max(finite[0], finite.min()) * 2
        axes.set_ylim(min(0.9 * low, low), max(high, low + 1e-6))
    if found.rate:
        label = f"suggested {found.rate:.1e}"
        axes.axvline(found.rate, color="C2", label=label)
    axes.axvline(rate, color="C3", linestyle="--", label=f"set {rate:.1e}")
    axes.set_xscale("log")
    axes.set(title="learning-rate range test", xlabel="learning rate", ylabel="loss")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def overview(checks, path):
    """Draws what the checks measured that is more than one number.

    Args:
      checks: a list of `Check`s; panels are made of those that have values for one.
    """
    panels = [
        (f"{check.name}: {title}", draw_panel, values)
        for title, key, draw_panel in PANELS
        for check in checks
        for values in [check.values.get(key)]
        if values
    ]
    if not panels:
        return
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(6 * columns, 3.6 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.axis("off")
    for axes, (title, draw_panel, values) in zip(grid, panels):
        draw_panel(axes, values)
        axes.set_title(title, fontsize="medium")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def _bars(axes, values):
    # The rarest of many are what there is to see.
    shown = sorted(values.items(), key=lambda item: item[1])[:20][::-1]
    axes.barh(range(len(shown)), [value for _, value in shown])
    axes.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize="small")
    axes.set_xlabel("how often")


def _layers(axes, values, wanted=None, log=False):
    heights = [
        value if isinstance(value, float) else np.nan for value in values.values()
    ]
    axes.plot(range(len(heights)), heights, "o-", markersize=3)
    names = list(values)
    if len(names) <= NAMED:
        style = {"rotation": 30, "ha": "right", "fontsize": "small"}
        axes.set_xticks(range(len(names)), names, **style)
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(f"layer, from {names[0]} to {names[-1]}", fontsize="small")
    if log and np.nanmax([*heights, 0]) > 0:
        axes.set_yscale("log")
    if wanted:
        axes.axhline(wanted, color="C2", linestyle="--", label=f"{wanted:g}")
        axes.legend(fontsize="small")


def _ratios(axes, values):
    _layers(axes, values, wanted=1e-3, log=True)


def _norms(axes, values):
    _layers(axes, values, log=True)


def _shares(axes, values):
    _layers(axes, values)
    axes.set_ylim(-0.02, 1.02)


def _losses(axes, values):
    values = [value if isinstance(value, float) else np.nan for value in values]
    axes.plot(range(1, len(values) + 1), values)
    axes.set_xlabel("step")
    if np.nanmin([*values, np.inf]) > 0:
        axes.set_yscale("log")


# Title, key in a check's values, what draws it.
PANELS = (
    ("examples of each", "counts", _bars),
    ("norm of each weight's", "norms", _norms),
    ("share in each layer", "shares", _shares),
    ("each kernel's", "ratios", _ratios),
    ("loss", "losses", _losses),
)
