"""Draws docs/augmentations.jpg: python -m docs.make_augmentations"""

import pathlib

import numpy as np
from matplotlib.figure import Figure

from kzoo import data, draw
from kzoo.data.augmentation import detection
from kzoo.data.augmentation.copy_paste import CopyPaste
from kzoo.data.augmentation.mosaic import Mosaic, Plain
from kzoo.data.augmentation.perspective import Perspective
from kzoo.data.augmentation.ssd_crops import SsdCrops

SIZE, COLUMNS = (160, 160), 6
ROWS = {
    "usual": detection.augmentation(SIZE),
    "perspective": Perspective(SIZE),
    "mosaic": Mosaic(SIZE),
    "closing": Plain(SIZE),
    "ssd": SsdCrops(SIZE),
    "usual, copy_paste": CopyPaste(detection.augmentation(SIZE), 1.0),
}


def main():
    source = data.open("scenes", "train", examples=256)
    figure = Figure(figsize=(1.7 * COLUMNS, 1.75 * len(ROWS)), layout="constrained")
    grid = figure.subplots(len(ROWS), COLUMNS)
    for (name, augment), row in zip(ROWS.items(), grid):
        batches = data.batches(source, 24, SIZE, training=True, augment=augment, seed=1)
        batch = next(iter(batches))
        targets = {key: np.asarray(x) for key, x in batch["targets"].items()}
        # Pictures without an object show little, those full of them are hard to see.
        counts = targets["valid"].sum(1)
        shown = np.flatnonzero((counts > 1) & (counts < 9))[:COLUMNS]
        for i, axes in zip(shown, row):
            valid = targets["valid"][i]
            boxes, labels = targets["boxes"][i][valid], targets["labels"][i][valid]
            image = np.asarray(batch["images"][i])
            axes.imshow(draw.boxes(image, boxes, [""] * len(boxes), classes=labels))
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    path = pathlib.Path(__file__).with_name("augmentations.jpg")
    figure.savefig(path, dpi=80, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    main()
