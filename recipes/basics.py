r"""The simple classifiers side by side: what a deep network has to beat.

    python -m recipes.basics --workdir=runs/basics
    python -m recipes.basics --workdir=runs/mine --data=folder:/my/data --image_size=32

The commonest class, the k nearest neighbours (L1 and L2, k by cross-validation), the
multiclass support vector machine, softmax regression and a network of two layers, on
pixels, without augmentation. The strength of the L2 penalty is chosen on the
validation pictures; the test pictures are looked at once, at the end.

The workdir gets table.csv, report.json, neighbours.png (accuracy against k),
templates.png (what the linear classifiers look for), hidden.png (the first layer of the
network) and each model in a folder for `kzoo.load`.
"""

import csv
import time

import keras
import numpy as np
from absl import flags
from matplotlib.figure import Figure
from tqdm import tqdm

import kzoo
from kzoo import data, models, train
from kzoo.models.basics.nearest_neighbour import remember
from kzoo.train import neighbours
from kzoo.train.workdir import write_json
from recipes import common, program

TEST_SPLIT = flags.DEFINE_string(
    "test_split", "test", "Split to report at the end; empty for none."
)
NEIGHBOURS = flags.DEFINE_list(
    "neighbours", ["1", "3", "5", "7", "9", "15", "25"], "Values of k to choose from."
)
FOLDS = flags.DEFINE_integer(
    "folds", 5, "Parts of the cross-validation that chooses k.", lower_bound=2
)
STRENGTHS = flags.DEFINE_list(
    "strengths", ["0", "1e-3", "1e-2", "1e-1"], "L2 penalties to choose from."
)
UNITS = flags.DEFINE_integer("units", 100, "Hidden units.", lower_bound=1)
STEPS = flags.DEFINE_integer("steps", 150, "Steps of L-BFGS, at most.", lower_bound=1)
_DESCRIBED = ("data", "train_split", "validation_split", "train_examples", "workdir")
_DESCRIBED += ("validation_examples", "bad_data", "image_size", "seed")
for _name in _DESCRIBED:
    flags.declare_key_flag(_name)

# Side of the network's input where none is given: that of the data, or small.
SIDES = {"digits": "8"}
LEARNERS = {
    "svm": ("linear_classifier", "squared_hinge"),
    "softmax": ("linear_classifier", "cross_entropy"),
    "two_layers": ("two_layer_network", "cross_entropy"),
}


def numbers(flag, kind):
    """The numbers that a list flag says."""
    try:
        found = [kind(word) for word in flags.FLAGS[flag].value]
    except ValueError:
        found = []
    if not found or min(found) < 0 or (kind is int and min(found) < 1):
        least = "from 1 up" if kind is int else "from 0 up"
        raise ValueError(f"--{flag} takes numbers {least}, with commas between them")
    return found


def arrays(source):
    """(images (N, H, W, 3) float32, labels (N,)) of all pictures, letterboxed."""
    stream = data.batches(source, 64, common.image_size(), training=False)
    rows = [
        (row["images"][row["real"]], row["targets"][row["real"]])
        for row in stream.as_numpy_iterator()
    ]
    images, labels = (np.concatenate(parts) for parts in zip(*rows))
    return images, labels


def accuracy(model, part):
    """The share of right answers of a model on (images, labels); None of nothing."""
    if part is None:
        return None
    images, labels = part
    answers = []
    for start in range(0, len(images), 256):
        outputs = model(images[start : start + 256], training=False)
        scores = keras.ops.convert_to_numpy(outputs)
        answers.append(scores.argmax(-1))
    return float(np.mean(np.concatenate(answers) == labels))


def majority(parts, classes):
    """The row of the table for always the same answer."""
    often = int(np.bincount(parts["train"][1], minlength=classes).argmax())
    shares = {
        name: None if part is None else float(np.mean(part[1] == often))
        for name, part in parts.items()
    }
    return row("majority", f"class {often}", shares, 0.0)


def row(method, chosen, shares, seconds):
    return {
        "method": method,
        "chosen": chosen,
        "train": shares["train"],
        "validation": shares["validation"],
        "test": shares["test"],
        "seconds": round(seconds, 2),
    }


def nearest(kind, parts, classes, folder):
    """(row of the table, accuracies (len(ks), folds)) of the nearest neighbours."""
    began = time.monotonic()
    images, labels = parts["train"]
    ks = numbers("neighbours", int)
    flat = images.reshape(len(images), -1)
    scores = neighbours.cross_validate(
        flat, labels, ks, FOLDS.value, kind, common.SEED.value
    )
    k = ks[int(scores.mean(1).argmax())]
    model = models.nearest_neighbour(
        classes=classes,
        input_shape=images.shape[1:],
        k=k,
        distance=kind,
        examples=len(images),
    )
    remember(model, images, labels)
    shares = {name: accuracy(model, part) for name, part in parts.items()}
    name = f"nearest_{kind}"
    kzoo.save(model, folder / name, {"top1": shares["validation"]})
    return row(name, f"k {k}", shares, time.monotonic() - began), scores


def learned(name, parts, class_names, folder):
    """(row of the table, model) of one of `LEARNERS`, at its best penalty."""
    began, best = time.monotonic(), None
    builder, loss = LEARNERS[name]
    images, labels = parts["train"]
    batches = [
        (images[start : start + 1024], labels[start : start + 1024])
        for start in range(0, len(images), 1024)
    ]
    more = {"units": UNITS.value} if builder == "two_layer_network" else {}
    for strength in tqdm(
        numbers("strengths", float), desc=name, leave=False, disable=None
    ):
        keras.utils.set_random_seed(common.SEED.value)
        model = models.build(
            builder,
            classes=len(class_names),
            input_shape=images.shape[1:],
            loss=loss,
            **more,
        )
        model.task.class_names = list(class_names)
        train.lbfgs(model, batches, STEPS.value, l2=strength)
        score = accuracy(model, parts["validation"])
        # Of equals the stronger penalty.
        if best is None or score >= best[0]:
            best = score, strength, model
    _, strength, model = best
    shares = {name: accuracy(model, part) for name, part in parts.items()}
    kzoo.save(model, folder / name, {"top1": shares["validation"]})
    return row(name, f"l2 {strength:g}", shares, time.monotonic() - began), model


def draw_neighbours(ks, scores, path):
    """Accuracy against k, with the deviation over the folds."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for kind, found in scores.items():
        axes.errorbar(
            ks, found.mean(1), found.std(1), marker="o", capsize=3, label=kind
        )
    axes.set(xlabel="k", ylabel=f"accuracy over {found.shape[1]} folds")
    axes.set_title("k nearest neighbours, cross-validated")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def draw_templates(rows, names, path):
    """Weights as pictures: a row of them for each title in `rows`.

    Args:
      rows: {title: (n, H, W, 3)}, each scaled to 0..1 here by itself.
      names: titles of the columns, or None.
    """
    columns = min(20, max(len(pictures) for pictures in rows.values()))
    lines = [
        (title, pictures[start : start + columns], start)
        for title, pictures in rows.items()
        for start in range(0, len(pictures), columns)
    ]
    size = (0.9 * columns + 0.8, 1.1 * len(lines) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(lines), columns, squeeze=False)
    for (title, pictures, start), axes_row in zip(lines, grid):
        for i, axes in enumerate(axes_row):
            axes.set_xticks([])
            axes.set_yticks([])
            if i >= len(pictures):
                axes.axis("off")
                continue
            low, high = pictures[i].min(), pictures[i].max()
            axes.imshow((pictures[i] - low) / max(high - low, 1e-12))
            if names:
                axes.set_title(names[start + i], fontsize="x-small")
        axes_row[0].set_ylabel(title, fontsize="small")
    figure.savefig(path, dpi=110)


def as_pictures(model, layer):
    """(n, H, W, 3): the kernel of the layer that pixels go into."""
    kernel = model.get_layer(layer).kernel.numpy()
    return np.moveaxis(kernel.reshape(*model.input_shape[1:], -1), -1, 0)


def show(table):
    """Prints the table, best on validation first."""
    heads = list(table[0])
    print("".join(f"{head:14}" for head in heads))
    for line in sorted(table, key=lambda line: -line["validation"]):
        words = [
            f"{line[h]:.4f}" if h in ("train", "validation", "test") else line[h]
            for h in heads
            if line[h] is not None
        ]
        print("".join(f"{word!s:14}" for word in words))


def open_parts():
    """({"train": (images, labels), ...}, class names)."""
    learn, check = common.open_sources("classification", train.strategy("one"))
    parts = {"train": arrays(learn), "validation": arrays(check), "test": None}
    if TEST_SPLIT.value:
        examples = common.VALIDATION_EXAMPLES.value
        last = common.open_source(TEST_SPLIT.value, examples, "classification")
        parts["test"] = arrays(last)
    return parts, learn.class_names


def main(_):
    began = time.monotonic()
    side = SIDES.get(common.DATA.value, "32")
    common.set_defaults(image_size=[side])
    ks = numbers("neighbours", int)
    numbers("strengths", float)
    workdir = common.open_workdir()
    parts, names = open_parts()
    table, scores, found = [majority(parts, len(names))], {}, {}
    for kind in neighbours.DISTANCES:
        line, scores[kind] = nearest(kind, parts, len(names), workdir.folder)
        table.append(line)
    for name in LEARNERS:
        line, found[name] = learned(name, parts, names, workdir.folder)
        table.append(line)
    draw_neighbours(ks, scores, workdir.folder / "neighbours.png")
    templates = {
        name: as_pictures(found[name], "logits")
        for name in LEARNERS
        if name != "two_layers"
    }
    draw_templates(templates, names, workdir.folder / "templates.png")
    hidden = as_pictures(found["two_layers"], "hidden_dense")
    draw_templates({"hidden units": hidden}, None, workdir.folder / "hidden.png")
    report(workdir, table, scores, ks, began)


def report(workdir, table, scores, ks, began):
    common.write_flags(workdir, __name__)
    with open(workdir.folder / "table.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    write_json(
        workdir.report,
        {
            "methods": table,
            "neighbours": {k: v.tolist() for k, v in scores.items()},
            "ks": ks,
            "seconds": time.monotonic() - began,
            **common.versions(),
        },
    )
    show(table)
    print(f"everything is in {workdir.folder}")


if __name__ == "__main__":
    common.set_defaults(data="digits")
    program.run(main)
