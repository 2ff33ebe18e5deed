r"""Fits anchors to your boxes, and shows which boxes no anchor reaches.

    python -m recipes.anchors --data=coco:/my/data --image_size=416 \
        --workdir=runs/anchors
    python -m recipes.detect --data=coco:/my/data --image_size=416 \
        --anchors=runs/anchors/anchors.json --workdir=runs/mine

Give it the flags of the training: --model is the detector, one that takes anchors;
--anchors, a file of an earlier run, is looked at in place of the model's own. The new
ones are k-means priors of the training boxes at the network's size, on the same grids.

The workdir gets anchors.json (for --anchors), anchors.png (mean best IoU against the
number of priors; the boxes by width and height over what the anchors cover, the model's
and the new ones) and report.json. Read the picture with docs/detection.md.
"""

import time

import numpy as np
from absl import flags
from tqdm import tqdm

from kzoo import models, train
from kzoo.models.registry import parse
from kzoo.ops import priors as prior_ops
from kzoo.ops.anchors import Anchors
from kzoo.train.diagnosis import coverage
from kzoo.train.workdir import write_json
from recipes import common, detect, program

PRIORS = flags.DEFINE_integer(
    "priors",
    None,
    "Anchors at each position; as many as the model's own by default.",
    lower_bound=1,
)
BALANCE = flags.DEFINE_bool(
    "balance", False, "Let each class count alike, where else each box does."
)
_DESCRIBED = ("data", "train_split", "train_examples", "bad_data", "image_size")
_DESCRIBED += ("model", "backbone", "anchors", "anchor_scale", "workdir", "seed")
for _name in _DESCRIBED:
    flags.declare_key_flag(_name)

WORKDIR = "runs/anchors"  # where no --workdir is given
CURVE = range(1, 10)


def check_flags():
    detect.check_flags()
    name, _ = parse(common.MODEL.value)
    if not takes_anchors(name):
        takers = [n for n in models.names("detection") if takes_anchors(n)]
        raise ValueError(
            f"--model: {name} takes no anchors; these do: {', '.join(takers)}"
        )


def takes_anchors(name):
    return "anchors" in models.arguments(name)


def boxes_of(source, height, width):
    """((n, 4) xyxy pixels, (n,) labels) of all boxes as the network sees them."""
    boxes, labels = [], []
    for example in tqdm(source.read(), total=len(source), leave=False, desc="boxes"):
        rows, columns = example["image"].shape[:2]
        learnt = ~example["crowd"]
        # The letterbox rounds the picture to whole pixels, which moves no box by one.
        boxes.append(example["boxes"][learnt] * min(height / rows, width / columns))
        labels.append(example["labels"][learnt])
    boxes, labels = np.concatenate(boxes), np.concatenate(labels)
    if not len(boxes):
        raise ValueError(f"{source.name} has no boxes in {source.split!r}")
    return boxes, labels


def counted_shapes(boxes, labels):
    """(n, 2) shapes to fit priors to, as often as each shall count."""
    shapes = boxes[:, 2:] - boxes[:, :2]
    if not BALANCE.value:
        return shapes
    weights = 1 / np.bincount(labels)[labels]
    rng = np.random.default_rng(common.SEED.value)
    drawn = rng.choice(len(shapes), prior_ops.SAMPLE, p=weights / weights.sum())
    return shapes[drawn]


def own_anchors(class_names):
    """The `Anchors` of the detector that the flags describe."""
    task = detect.build(train.strategy("one"), class_names).task
    if isinstance(task.anchors, Anchors):
        return task.anchors
    # YOLO v2's are in cells of its one level.
    shapes = np.asarray(task.anchors) * task.stride
    return Anchors((task.stride,), (tuple(map(tuple, shapes)),))


def as_argument(anchors):
    """What the builder of --model takes as `anchors`: what anchors.json holds."""
    name, _ = parse(common.MODEL.value)
    if name.startswith("yolo"):
        cells = np.asarray(anchors.shapes[0]) / anchors.strides[0]
        return cells.round(4).tolist()
    return anchors.to_dict()


def curve(shapes, anchors):
    """{number of priors: mean best IoU of shapes alone, wherever they lie}."""
    smallest = prior_ops.first_size(anchors)
    relative = prior_ops.relative_shapes(shapes, anchors.strides, smallest)
    most = len(np.unique(relative, axis=0))
    found = {}
    for k in tqdm([k for k in CURVE if k <= most], leave=False, desc="priors"):
        fit = prior_ops.k_means(relative, k, common.SEED.value)
        found[k] = prior_ops.mean_iou(relative, fit)
    return found


def compare(source, size):
    """(`coverage.Found`, {"model", "new": Anchors}, new priors (k, 2) in strides)."""
    boxes, labels = boxes_of(source, *size)
    own = own_anchors(source.class_names)
    count = PRIORS.value or max(own.per_position)
    shapes = counted_shapes(boxes, labels)
    new, priors = prior_ops.fitted(shapes, count, own, size, common.SEED.value)
    both = {"model": own, "new": new}
    overlaps = {
        who: prior_ops.best_overlaps(boxes, each, *size) for who, each in both.items()
    }
    found = coverage.Found(boxes, labels, source.class_names, overlaps)
    return found, both, priors


def main(_):
    began = time.monotonic()
    check_flags()
    folder = train.Workdir(common.WORKDIR.value or WORKDIR).folder
    source = common.open_source(
        common.TRAIN_SPLIT.value, common.TRAIN_EXAMPLES.value, "detection"
    )
    size = common.image_size()
    found, both, priors = compare(source, size)
    means = curve(counted_shapes(found.boxes, found.labels), both["model"])
    print(coverage.curve_text(means))
    print(coverage.priors_text(priors, both["new"]))
    print(coverage.table_text(found))
    coverage.picture(found, means, both, size, folder / "anchors.png")
    about = {
        "model": common.MODEL.value,
        "data": common.DATA.value,
        "split": source.split,
        "image_size": list(size),
        "boxes": len(found.boxes),
    }
    made = {"anchors": as_argument(both["new"]), "priors_in_strides": priors.tolist()}
    write_json(folder / "anchors.json", made | about)
    figures = {"mean_best_iou": means, "coverage": coverage.figures(found)}
    seconds = time.monotonic() - began
    write_json(
        folder / "report.json",
        about | figures | {"seconds": seconds} | common.versions(),
    )
    print(f"anchors.json, anchors.png and report.json are in {folder}")


if __name__ == "__main__":
    program.run(main)
