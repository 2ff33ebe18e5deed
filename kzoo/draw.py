"""Boxes with names and scores on pictures, for people to look at.

Pictures are (H, W, 3) RGB in 0..255, uint8 or float; grey ones, (H, W) or
(H, W, 1), and RGBA are taken too. A class has the same colour in every picture.
"""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Pictures of networks are often 128 px wide: too small for a name. They are enlarged,
# by a whole number, to at least this many pixels on the longer side.
READABLE = 320

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
    if index < len(_COLORS):
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
    picture = _picture(image)
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
    cells, seen = [], set()
    for image, truth, prediction in zip(images, truths, predictions):
        kept = np.asarray(prediction["scores"]) >= threshold
        found = {key: np.asarray(prediction[key])[kept] for key in _FOUND}
        labels = [int(label) for label in truth["labels"]]
        classes = [int(label) for label in found["classes"]]
        seen.update(labels, classes)
        cells.append(_cell(image, truth["boxes"], labels, class_names))
        cells.append(
            _cell(image, found["boxes"], classes, class_names, found["scores"])
        )
    header = ("ground truth", f"predictions, score {threshold:.2f} or more")
    sheet = _sheet(cells, header, [(c, _name(class_names, c)) for c in sorted(seen)])
    sheet.save(path)


_FOUND = ("boxes", "scores", "classes")


def _cell(image, boxes, classes, class_names, scores=None):
    picture = _picture(image)
    zoom = READABLE / max(picture.size)
    size = [max(1, round(side * zoom)) for side in picture.size]
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    names = [_name(class_names, index) for index in classes]
    _draw(picture, _scaled(boxes, zoom), _texts(names, scores), classes)
    return picture


def _sheet(cells, header, legend, gap=8):
    """Lays the cells out, two pairs a row, below a header and above a legend."""
    font = ImageFont.load_default(size=14)
    columns = 2 if len(cells) < 6 else 4
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    width = gap + columns * (READABLE + gap)
    heights = [max(cell.height for cell in row) for row in rows]
    places, bottom = _legend_places(legend, width, font, gap)
    top = 24
    sheet = Image.new(
        "RGB", (width, top + sum(heights) + gap * len(rows) + bottom), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for column in range(columns):
        x = gap + column * (READABLE + gap)
        draw.text((x, 4), header[column % 2], fill="black", font=font)
    y = top
    for row, height in zip(rows, heights):
        for column, cell in enumerate(row):
            sheet.paste(cell, (gap + column * (READABLE + gap), y))
        y += height + gap
    for (index, name), (x, line) in zip(legend, places):
        draw.rectangle((x, y + line + 3, x + 12, y + line + 15), fill=color(index))
        draw.text((x + 18, y + line), name, fill="black", font=font)
    return sheet


def _legend_places(legend, width, font, gap):
    """Where each entry begins, line by line, and the height of all lines."""
    places, x, line = [], gap, 0
    for _, name in legend:
        length = 18 + round(font.getlength(name))
        if x + length + gap > width and x > gap:
            x, line = gap, line + 22
        places.append((x, line))
        x += length + 2 * gap
    return places, line + 26 if legend else 0


def _draw(picture, boxes, texts, classes):
    """Draws on a PIL picture; the last box, in a result the worst, lies lowest."""
    if not len(boxes) == len(texts) == len(classes):
        raise ValueError(
            f"{len(boxes)} boxes, {len(texts)} names or scores and {len(classes)} "
            "classes; there must be one of each a box"
        )
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 250))
    font = ImageFont.load_default(size=max(12, round(max(picture.size) / 45)))
    limits = np.array([picture.width, picture.height] * 2) - 1
    rows = [np.clip(np.round(box), 0, limits).astype(int).tolist() for box in boxes]
    for box, index in list(zip(rows, classes))[::-1]:
        draw.rectangle(box, outline=color(int(index)), width=line)
    taken = []
    for box, text, index in zip(rows, texts, classes):
        place = _label_place(draw, box, text, font, picture.size, taken)
        taken.append(place)
        draw.rectangle(place, fill=color(int(index)))
        draw.text((place[0] + 3, place[1] + 1), text, _ink(color(int(index))), font)


def _label_place(draw, box, text, font, size, taken):
    """The rectangle of a label: above the box, in it or below it, in the picture.

    The first place that no earlier label has; where all are taken, the first.
    """
    left, top, right, bottom = box
    width = round(draw.textlength(text, font)) + 6
    height = sum(font.getmetrics()) + 2
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
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(
        boxes[:, :2], boxes[:, 2:]
    )
    return np.concatenate([low, high], axis=1) * zoom


def _picture(image):
    """A PIL picture, RGB, from any of the pictures named at the top."""
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ValueError(
            "image must have shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), "
            f"not {np.shape(image)}"
        )
    array = np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[:, :, :3]
    if array.dtype != np.uint8:
        array = np.clip(np.round(np.nan_to_num(array)), 0, 255).astype("uint8")
    return Image.fromarray(np.ascontiguousarray(array))
