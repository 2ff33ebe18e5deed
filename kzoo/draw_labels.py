"""Pictures of what a classifier answers: a gallery, and a matrix of confusions."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from kzoo.draw import READABLE
from kzoo.prediction import read

RIGHT, WRONG, EDGE = (29, 126, 226), (230, 57, 70), (25, 25, 25)
CELL, COLUMNS = 160, 6
NAMED = 40  # classes whose names are written at a matrix
NUMBERED = 20  # classes whose counts are written into it


def label(image, text, color=RIGHT):
    """The picture with a line of text above it, (H, W, 3) uint8."""
    picture = Image.fromarray(read(image))
    zoom = max(1, -(-READABLE // max(picture.size)))
    picture = picture.resize((picture.width * zoom, picture.height * zoom))
    font = ImageFont.load_default(size=max(14, picture.width // 24))
    line = sum(font.getmetrics()) + 6
    width = max(picture.width, round(font.getlength(text)) + 8)
    sheet = Image.new("RGB", (width, picture.height + line), color)
    sheet.paste(picture, (0, line))
    ImageDraw.Draw(sheet).text((4, 2), text, "white", font)
    return np.asarray(sheet)


def gallery(images, labels, found, class_names, path):
    """Writes a sheet of pictures with their truth and the answer, red where wrong.

    Args:
      images: pictures, of any sizes.
      labels: one whole number an image.
      found: one dict an image, as `kzoo.predict` gives it.
    """
    if not len(images) == len(labels) == len(found):
        raise ValueError(
            f"{len(images)} images, {len(labels)} labels and {len(found)} answers; "
            "there must be one of each a picture"
        )
    font = ImageFont.load_default(size=13)
    height, columns = CELL + 40, min(COLUMNS, max(1, len(images)))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (CELL + 12) + 12, rows * height + 12), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (image, truth, answer) in enumerate(zip(images, labels, found)):
        x, y = 12 + i % columns * (CELL + 12), 8 + i // columns * height
        color = RIGHT if answer["class"] == truth else WRONG
        draw.rectangle((x - 3, y - 3, x + CELL + 2, y + CELL + 2), color)
        draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), EDGE)
        cell = _fitted(image)
        sheet.paste(cell, (x + (CELL - cell.width) // 2, y + (CELL - cell.height) // 2))
        said = f"{answer['name'][:16]} {answer['score']:.2f}"
        draw.text((x, y + CELL + 3), said, color, font)
        if answer["class"] != truth:
            is_really = f"is {class_names[truth][:18]}"
            draw.text((x, y + CELL + 18), is_really, EDGE, font)
    sheet.save(path)


def _fitted(image):
    picture = Image.fromarray(read(image))
    zoom = CELL / max(picture.size)
    # Pixels of small pictures stay visible.
    how = Image.Resampling.NEAREST if zoom > 2 else Image.Resampling.BILINEAR
    return picture.resize([max(1, round(side * zoom)) for side in picture.size], how)


def confusion(matrix, class_names, path):
    """Writes a (K, K) matrix of counts as a picture; rows are the truth."""
    matrix = np.asarray(matrix)
    count = len(class_names)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = min(12.0, 3.5 + 0.35 * count)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    right = np.trace(matrix) / max(matrix.sum(), 1)
    axes.set_title(f"{right:.1%} of {matrix.sum()} pictures are right")
    if count <= NAMED:
        names = [name[:16] for name in class_names]
        axes.set_xticks(range(count), names, rotation=90)
        axes.set_yticks(range(count), names)
    if count <= NUMBERED:
        for row, column in zip(*np.nonzero(matrix)):
            color = "white" if shares[row, column] > 0.5 else "black"
            text = {"ha": "center", "va": "center", "fontsize": "small"}
            axes.text(column, row, str(matrix[row, column]), color=color, **text)
    figure.savefig(path, dpi=110)
