"""Which boxes anchors reach: tables by size, shape and class, and a picture."""

import dataclasses

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kzoo.ops.priors import best_overlaps

# An anchor learns a box from IoU 0.5 up; below 0.4 it learns that there is none (Lin et
# al., ICCV 2017, section 4).
REACHED, MISSED = 0.5, 0.4
SIZES = (0, 8, 16, 32, 64, 128, 256, np.inf)  # root of the area, pixels
SHAPES = {  # width / height, up to
    "tall, beyond 1:2": 1 / 2,
    "tall": 4 / 5,
    "about square": 5 / 4,
    "wide": 2,
    "wide, beyond 2:1": np.inf,
}
TITLES = {"model": "the model's anchors", "new": "the new anchors"}
DOTS = 3000


@dataclasses.dataclass(frozen=True)
class Found:
    """boxes (n, 4) xyxy pixels; labels (n,); overlaps: {"model", "new": (n,) the IoU of
    each box with its best anchor}."""

    boxes: np.ndarray
    labels: np.ndarray
    class_names: list
    overlaps: dict

    @property
    def shapes(self):
        return self.boxes[:, 2:] - self.boxes[:, :2]


def groups(found):
    """{kind: {name: (n,) bool}}, groups that have a box."""
    width, height = found.shapes.T
    size, ratio = np.sqrt(width * height), width / height
    sizes = {
        f"{low:g} to {high:g} px" if high < np.inf else f"{low:g} px and more": (
            (size >= low) & (size < high)
        )
        for low, high in zip(SIZES, SIZES[1:])
    }
    ends = [0, *SHAPES.values()]
    shapes = {
        name: (ratio > low) & (ratio <= high)
        for name, low, high in zip(SHAPES, ends, ends[1:])
    }
    classes = {name: found.labels == i for i, name in enumerate(found.class_names)}
    kinds = {"all": {"all": size > -1}, "size": sizes, "shape": shapes}
    kinds["class"] = classes
    return {
        kind: {name: rows for name, rows in named.items() if np.any(rows)}
        for kind, named in kinds.items()
    }


def figures(found):
    """{kind: {group: {"boxes", "model": {...}, "new": {...}}}}, of anchors the median
    of the best IoU and the shares that are reached and missed."""
    return {
        kind: {
            name: {
                "boxes": int(rows.sum()),
                **{who: _of(overlap[rows]) for who, overlap in found.overlaps.items()},
            }
            for name, rows in named.items()
        }
        for kind, named in groups(found).items()
    }


def _of(overlaps):
    return {
        "median": float(np.median(overlaps)),
        "reached": float(np.mean(overlaps >= REACHED)),
        "missed": float(np.mean(overlaps < MISSED)),
    }


def curve_text(means):
    """The mean best IoU against the number of priors, on two lines."""
    numbers = "".join(f"{k:6d}" for k in means)
    values = "".join(f"{value:6.3f}" for value in means.values())
    return f"priors        {numbers}\nmean best IoU {values}\n"


def priors_text(priors, anchors):
    """The priors of each level, width x height in pixels."""
    lines = [f"{len(priors)} new anchors at a position, width x height in pixels"]
    for stride, shapes in zip(anchors.strides, anchors.shapes):
        told = ", ".join(f"{w:.0f} x {h:.0f}" for w, h in shapes)
        lines.append(f"  every {stride:3d} px  {told}")
    return "\n".join(lines) + "\n"


def table_text(found):
    """A line a group: of how many boxes which share is reached, and which missed."""
    head = f"{'':22}{'':>8}   the model's anchors      the new anchors\n"
    head += f"{'':22}{'boxes':>8}" + f"{'reached':>10}{'missed':>8}{'median':>8}" * 2
    lines = [head]
    for kind, named in figures(found).items():
        for name, row in named.items():
            parts = [
                f"{row[who]['reached']:10.1%}{row[who]['missed']:8.1%}"
                f"{row[who]['median']:8.2f}"
                for who in found.overlaps
            ]
            lines.append(f"{name[:22]:22}{row['boxes']:8,}" + "".join(parts))
        lines.append("")
    lines.append(f"reached: IoU {REACHED:g} and more; missed: below {MISSED:g}\n")
    return "\n".join(lines)


def picture(found, means, anchors, size, path):
    """Writes the curve, and for each of `anchors` the boxes over what they cover."""
    figure = Figure(figsize=(5 + 5.4 * len(anchors), 5), layout="constrained")
    panels = figure.subplots(1, 1 + len(anchors), width_ratios=[0.8, 1, 1])
    _curve(panels[0], means, max(anchors["new"].per_position))
    for axes, (who, each) in zip(panels[1:], anchors.items()):
        mesh = _map(axes, found, who, each, size)
    figure.colorbar(mesh, ax=panels[1:], label="mean best IoU of a box of this shape")
    figure.legend(handles=_legend(), loc="outside lower right", ncols=4, fontsize=9)
    figure.savefig(path, dpi=100)


def _curve(axes, means, count):
    axes.plot(list(means), list(means.values()), "o-")
    if count in means:
        axes.plot(count, means[count], "o", markersize=12, fillstyle="none", color="C3")
    axes.set(
        title="k-means priors of the boxes",
        xlabel="priors",
        ylabel="mean best IoU of shapes",
        xticks=list(means),
    )
    axes.grid(alpha=0.3)


def _legend():
    def dot(colour, label, marker="o"):
        return Line2D([], [], linestyle="", marker=marker, color=colour, label=label)

    return [
        dot("black", f"box, IoU {REACHED:g} and more"),
        dot("orange", f"box, IoU {MISSED:g} to {REACHED:g}"),
        dot("red", f"box, IoU below {MISSED:g}"),
        dot("dodgerblue", "anchor", "+"),
    ]


def _map(axes, found, who, anchors, size):
    """Boxes as dots over the IoU that a box of that shape has on average."""
    shapes, overlaps = found.shapes, found.overlaps[who]
    # One box of a pixel shall not take half of the picture.
    low = max(1.0, np.percentile(shapes, 0.5) / 2)
    edges = np.geomspace(low, max(size), 41)
    levels = np.arange(0, 1.01, 0.1)
    mesh = axes.pcolormesh(
        edges,
        edges,
        _expected(edges, anchors, size),
        cmap=ListedColormap([str(grey) for grey in np.linspace(0.45, 1, 10)]),
        norm=BoundaryNorm(levels, 10),
    )
    shown = np.random.default_rng(0).permutation(len(shapes))[:DOTS]
    for colour, rows, dot in (
        ("black", overlaps >= REACHED, {"s": 3, "alpha": 0.35}),
        ("orange", (overlaps >= MISSED) & (overlaps < REACHED), {"s": 7}),
        ("red", overlaps < MISSED, {"s": 7}),
    ):
        some = shown[rows[shown]]
        axes.scatter(*shapes[some].T, color=colour, linewidths=0, **dot)
    corners = np.concatenate([np.asarray(level) for level in anchors.shapes])
    axes.plot(*corners.T, "+", color="dodgerblue", markersize=8, markeredgewidth=1.5)
    ticks = [t for t in 2 ** np.arange(0, 13) if edges[0] <= t <= edges[-1]]
    axes.set(xscale="log", yscale="log", xlim=edges[[0, -1]], ylim=edges[[0, -1]])
    axes.set_xticks(ticks, ticks, minor=False)
    axes.set_yticks(ticks, ticks, minor=False)
    axes.minorticks_off()
    share = np.mean(overlaps >= REACHED)
    axes.set(
        title=f"{TITLES[who]}: {share:.1%} of the boxes reached",
        xlabel="width, pixels",
        ylabel="height, pixels",
        aspect="equal",
    )
    return mesh


def _expected(edges, anchors, size, places=64):
    """(rows, columns): the mean best IoU of boxes of a shape, all over the picture."""
    height, width = size
    middle = np.sqrt(edges[1:] * edges[:-1])
    wide, high = np.meshgrid(middle, middle)
    shapes = np.stack([wide.ravel(), high.ravel()], -1)[:, None]
    # Where it fits: a box as large as the picture lies in its middle.
    room = np.maximum(np.array([width, height]) - shapes, 0)
    spots = np.random.default_rng(0).random((1, places, 2))
    corners = (np.array([width, height]) - shapes - room) / 2 + room * spots
    boxes = np.concatenate([corners, corners + shapes], -1).reshape(-1, 4)
    found = best_overlaps(boxes, anchors, height, width)
    return found.reshape(len(middle), len(middle), places).mean(-1)
