"""Boxes with names and scores on pictures, for people to look at.

Pictures are what `kzoo.predict` takes: (H, W, 3) RGB in 0..255, uint8 or float, grey
or RGBA ones, or paths. A class has the same colour in every picture.
"""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kzoo.prediction import read

# Pictures of networks are often 128 px wide: too small for a name. They are enlarged,
# by a whole number, to at least this many pixels on the longer side.
READABLE = 320
LARGEST_CELL = 480  # of a gallery

# Bright enough for dark pictures, dark enough for light ones, neighbours far apart.
_COLORS = (
    (230, 57, 70),
    (29, 126, 226),
    (46, 160, 67),
    (255, 140, 0),
    (148, 82, 222),
    (0, 172, 193),
    (240, 98, 190),
    (150, 110, 60),
    (200, 190, 0),
    (95, 115, 140),
)


def color(index):
    """The colour of class `index`, (red, green, blue); all below 200 differ."""
    if 0 <= index < len(_COLORS):
        return _COLORS[index]
    # Steps of the golden section never come back to the same hue.
    hue = (index * 0.618034) % 1
    value = (0.95, 0.75, 0.55)[index % 3]
    return tuple(int(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.8, value))


def boxes(image, boxes, names, scores=None, classes=None):
    """Draws boxes, each with its name and score.

    Args:
      image: a picture.
      boxes: (N, 4) xyxy in pixels of `image`; what lies outside is cut off.
      names: N names, written at the boxes.
      scores: N numbers in 0..1, written behind the names, or None.
      classes: N class ids, which choose the colours; where None, equal names have
        equal colours, in the order in which they appear.

    Returns:
      A uint8 array (H * zoom, W * zoom, 3); zoom is 1 for pictures of READABLE
      pixels or more, and the whole number that makes smaller ones so large.
    """
    picture = Image.fromarray(read(image))
    zoom = max(1, -(-READABLE // max(picture.size)))
    names = [str(name) for name in names]
    if classes is None:
        order = list(dict.fromkeys(names))
        classes = [order.index(name) for name in names]
    picture = picture.resize((picture.width * zoom, picture.height * zoom))
    _draw(picture, _scaled(boxes, zoom), _texts(names, scores), classes)
    return np.asarray(picture)


def gallery(images, truths, predictions, class_names, path, threshold=0.3):
    """Writes a picture file: every image twice, true boxes beside predicted ones.

    Args:
      images: pictures, of any sizes.
      truths: one {"boxes": (M, 4), "labels": (M,)} an image, in its pixels.
      predictions: one {"boxes": (D, 4), "scores": (D,), "classes": (D,)} an image.
      class_names: names of the classes; an id beyond them is written as a number.
      path: file to write; its ending chooses the format.
      threshold: predictions with a lower score are left out.
    """
    if not len(images) == len(truths) == len(predictions):
        raise ValueError(
            f"{len(images)} images, {len(truths)} truths and {len(predictions)} "
            "predictions; there must be one of each a picture"
        )
    images = [Image.fromarray(read(image)) for image in images]
    largest = max([max(image.size) for image in images], default=0)
    side = min(max(READABLE, largest), LARGEST_CELL)
    cells, seen = [], set()
    for image, truth, found in zip(images, truths, predictions):
        kept = np.asarray(found["scores"]) >= threshold
        found = {key: np.asarray(found[key])[kept] for key in _FOUND}
        for picture, classes in ((truth, truth["labels"]), (found, found["classes"])):
            classes = [int(index) for index in classes]
            texts = [_name(class_names, index) for index in classes]
            texts = _texts(texts, picture.get("scores"))
            cells.append(_cell(image, side, picture["boxes"], texts, classes))
            seen.update(classes)
    header = ("ground truth", f"predictions, score {threshold:.2f} or more")
    legend = [(index, _name(class_names, index)) for index in sorted(seen)]
    _sheet(cells, side, header, legend).save(path)


_FOUND = ("boxes", "scores", "classes")


def _cell(image, side, boxes, texts, classes):
    """The picture with boxes, its longer side enlarged or shrunk to `side`."""
    zoom = side / max(image.size)
    picture = image.resize([max(1, round(length * zoom)) for length in image.size])
    _draw(picture, _scaled(boxes, zoom), texts, classes)
    return picture


def _sheet(cells, side, header, legend):
    """Lays out pairs of cells, two pairs a row, below a header, above a legend."""
    font = ImageFont.load_default(size=15)
    count = min(4, len(cells))
    # Cells of a pair stand closer than pairs do.
    columns = [16 + i * (side + 4) + i // 2 * 20 for i in range(count)]
    width = columns[-1] + side + 16 if cells else side
    rows = [cells[i : i + 4] for i in range(0, len(cells), 4)]
    heights = [max(cell.height for cell in row) + 16 for row in rows]
    places, below = _legend_places(legend, width, font)
    sheet = Image.new("RGB", (width, 28 + sum(heights) + below), "white")
    draw = ImageDraw.Draw(sheet)
    for x, text in zip(columns, header * 2):
        draw.text((x, 6), text, "black", font)
    y = 28
    for row, height in zip(rows, heights):
        for x, cell in zip(columns, row):
            sheet.paste(cell, (x, y))
        y += height
    for (index, name), (x, line) in zip(legend, places):
        draw.rectangle((x, y + line + 2, x + 13, y + line + 15), color(index))
        draw.text((x + 20, y + line), name, "black", font)
    return sheet


def _legend_places(legend, width, font):
    """Where each entry begins, (x, y), and the height of all lines."""
    places, x, y = [], 16, 0
    for _, name in legend:
        length = 20 + round(font.getlength(name))
        if x > 16 and x + length + 16 > width:
            x, y = 16, y + 24
        places.append((x, y))
        x += length + 24
    return places, y + 28 if legend else 0


def _draw(picture, boxes, texts, classes):
    """Draws on a PIL picture. The first box, in results the best, lies on top."""
    if not len(boxes) == len(texts) == len(classes):
        raise ValueError(
            f"{len(boxes)} boxes, {len(texts)} names and {len(classes)} classes; "
            "there must be one of each a box"
        )
    draw = ImageDraw.Draw(picture)
    line = max(3, round(max(picture.size) / 200))
    font = ImageFont.load_default(size=max(12, round(max(picture.size) / 42)))
    limits = np.array([picture.width, picture.height] * 2) - 1
    rows = np.clip(np.round(boxes), 0, limits).astype(int).tolist()
    places = []
    for box, text in zip(rows, texts):
        places.append(_label_place(draw, box, text, font, picture.size, places))
    colors = [color(int(index)) for index in classes]
    for box, fill in list(zip(rows, colors))[::-1]:
        # A dark edge, as an object may have the colour of its class.
        x1, y1, x2, y2 = box
        draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), None, _EDGE)
        draw.rectangle(box, None, fill, line)
    for place, text, fill in list(zip(places, texts, colors))[::-1]:
        draw.rectangle(place, fill, _EDGE)
        draw.text((place[0] + 4, place[1] + 1), text, _ink(fill), font)


_EDGE = (25, 25, 25)


def _label_place(draw, box, text, font, size, taken):
    """The rectangle of a label: above the box, in it or below it, in the picture.

    The first place that no earlier label has; where all are taken, the first.
    """
    left, top, right, bottom = box
    width = round(draw.textlength(text, font)) + 8
    height = sum(font.getmetrics()) + 3
    corners = [(x, y) for x in (left, right - width) for y in (top - height, top)]
    corners += [(left, bottom - height), (left, bottom)]
    places = []
    for x, y in corners:
        x = max(0, min(x, size[0] - width))
        y = max(0, min(y, size[1] - height))
        places.append((x, y, x + width, y + height))
    free = [p for p in places if not any(_overlap(p, other) for other in taken)]
    return (free or places)[0]


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _ink(background):
    """Black on light colours, white on dark ones (luma of ITU-R BT.601)."""
    red, green, blue = background
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "white"


def _texts(names, scores):
    if scores is None:
        return names
    if len(scores) != len(names):
        raise ValueError(f"{len(names)} names but {len(scores)} scores")
    return [f"{name} {float(score):.2f}" for name, score in zip(names, scores)]


def _name(class_names, index):
    return str(class_names[index]) if 0 <= index < len(class_names) else str(index)


def _scaled(boxes, zoom):
    """(N, 4) floats with corners in order; an empty list is no boxes."""
    boxes = np.asarray(boxes, "float64")
    if boxes.shape == (0,):
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4), not {boxes.shape}")
    if not np.all(np.isfinite(boxes)):
        raise ValueError("boxes have a value that is not finite")
    corners = np.sort(boxes.reshape(-1, 2, 2), axis=1)
    return corners.reshape(-1, 4) * zoom
