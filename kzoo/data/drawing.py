"""Draws a scene: textured shapes on a textured ground, and all that is true of it.

NumPy and Pillow only. A scene is a pure function of its generator's state, so a seed
names a picture.
"""

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle", "star")
TEXTURES = ("plain", "striped", "checked", "dotted")
COLOURS = {
    "red": (205, 45, 45),
    "orange": (235, 135, 30),
    "yellow": (235, 215, 60),
    "green": (55, 150, 65),
    "cyan": (60, 190, 200),
    "blue": (50, 80, 200),
    "purple": (140, 65, 175),
    "pink": (240, 150, 190),
    "brown": (120, 80, 45),
    "grey": (130, 130, 130),
    "white": (240, 240, 240),
    "black": (30, 30, 30),
}
SIDES = (0.05, 0.5)  # of the picture's side: the longer side of a shape's box
LEAN = 0.2  # radians: how far a shape is turned at most
VISIBLE = 0.75  # at least this share of every shape can be seen
FINE = 4  # an edge pixel is the mean of FINE x FINE points
MARGIN = 0.15  # of the picture's side: no shape is centred nearer to an edge
CONTRAST = 90  # least distance in RGB between a shape and the ground
NAMES = tuple(COLOURS)
_RGB = np.array(list(COLOURS.values()), np.float32)
_FAR = np.linalg.norm(_RGB[:, None] - _RGB[None], axis=-1) > CONTRAST


def draw(rng, size=160, objects=(0, 8)):
    """Draws one scene of size x size pixels.

    Args:
      rng: a numpy.random.Generator.
      objects: the fewest and the most shapes. A shape that would hide another, or
        would itself be hidden, is tried elsewhere and at last left out.

    Returns:
      A dict: "image" (H, W, 3) uint8; "instances" (H, W) uint8, 0 for the ground and
      i + 1 where shape i is seen; "boxes" (M, 4) float32, xyxy pixels around all of
      the shape that lies in the picture, seen or hidden; "labels" (M,), indices of
      SHAPES; "colours", "textures": lists of names; "ground": its colour's name.
    """
    ground, canvas = _ground(rng, size)
    instances = np.zeros((size, size), np.uint8)
    shapes, least = [], [0]
    free = _FAR[ground].copy()  # a colour is used once: what overlaps can be told apart
    for _ in range(rng.integers(objects[0], objects[1] + 1)):
        placed = _place(rng, instances, least)
        if placed is not None:
            label, box, corner, alpha = placed
            colour, texture = _paint(rng, canvas, corner, alpha, free)
            free[colour] = False
            shapes.append((label, box, NAMES[colour], TEXTURES[texture]))
    labels, boxes, colours, textures = zip(*shapes) if shapes else ((), (), (), ())
    return {
        "image": np.clip(np.rint(canvas), 0, 255).astype(np.uint8),
        "instances": instances,
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "labels": np.array(labels, np.int64),
        "colours": list(colours),
        "textures": list(textures),
        "ground": NAMES[ground],
    }


def _ground(rng, size):
    """The number of a colour and a canvas of soft clouds of it: (H, W, 3) float32."""
    colour = int(rng.integers(len(NAMES)))
    cells = int(rng.integers(3, 9))
    amount = rng.uniform(10, 35)
    clouds = rng.uniform(-amount, amount, (cells, cells)).astype(np.float32)
    clouds = Image.fromarray(clouds).resize((size, size), Image.BICUBIC)
    return colour, _RGB[colour] + np.asarray(clouds)[..., None]


def _place(rng, instances, least, tries=8):
    """Finds room for one more shape and enters it in `instances`, or returns None.

    `least[i]` is the number of pixels of shape i that must stay in sight; it grows.
    Returns the label, the box, the (row, column) of the shape's patch, and the patch:
    the share of each pixel that the shape covers, (h, w) float32 in 0..1.
    """
    size, number = len(instances), len(least)
    seen = np.bincount(instances.ravel(), minlength=number)
    for _ in range(tries):
        label = int(rng.integers(len(SHAPES)))
        # The smallest, which few pixels show, are rare.
        side = SIDES[0] + (SIDES[1] - SIDES[0]) * rng.uniform() ** (2 / 3)
        polygon = _polygon(rng, SHAPES[label]) * side * size
        polygon += rng.uniform(MARGIN, 1 - MARGIN, 2) * size
        corner, alpha = _coverage(polygon, size)
        rows = slice(corner[0], corner[0] + alpha.shape[0])
        columns = slice(corner[1], corner[1] + alpha.shape[1])
        solid = alpha >= 0.5
        under = instances[rows, columns][solid]
        left = seen - np.bincount(under, minlength=number)
        need = VISIBLE * _area(polygon)
        if len(under) >= need and np.all(left >= least):
            instances[rows, columns][solid] = number
            least.append(need)
            part = _inside(polygon, size)
            # A crossing may lie a rounding error outside.
            box = np.clip([*part.min(0), *part.max(0)], 0, size)
            return label, box, corner, alpha
    return None


def _polygon(rng, shape):
    """Its corners (P, 2) as x, y, a little turned; the longer side of its box is 1."""
    corners = {"circle": 64, "square": 4, "triangle": 3, "star": 10}[shape]
    upright = np.pi / 4 if shape == "square" else -np.pi / 2
    angles = upright + np.arange(corners) * 2 * np.pi / corners
    if shape != "circle":
        angles += rng.uniform(-LEAN, LEAN)
    points = np.stack([np.cos(angles), np.sin(angles)], 1)
    if shape == "star":
        points[1::2] *= 0.45
    return points / np.ptp(points, axis=0).max()


def _area(polygon):
    """The shoelace formula."""
    x, y = polygon.T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _inside(polygon, size):
    """The corners of the part inside the picture (Sutherland and Hodgman 1974)."""
    for axis, edge, side in ((0, 0, 1), (0, size, -1), (1, 0, 1), (1, size, -1)):
        depth = side * (polygon[:, axis] - edge)
        ahead = np.roll(depth, -1)
        share = depth / np.where(depth == ahead, 1, depth - ahead)
        crossing = polygon + share[:, None] * (np.roll(polygon, -1, 0) - polygon)
        keep = np.stack([depth >= 0, (depth >= 0) != (ahead >= 0)], 1)
        polygon = np.stack([polygon, crossing], 1)[keep]
    return polygon


def _coverage(polygon, size):
    """The patch of the picture around a polygon and the share of each pixel inside."""
    low = np.clip(np.floor(polygon.min(0)), 0, size - 1).astype(int)
    high = np.clip(np.ceil(polygon.max(0)), low + 1, size).astype(int)
    width, height = (high - low).tolist()
    fine = Image.new("L", (width * FINE, height * FINE))
    # Pillow's pixel 0 is centred on 0, and it paints the outline as well.
    points = (polygon - low) * FINE - 0.5
    ImageDraw.Draw(fine).polygon(points.ravel().tolist(), fill=255)
    patch = np.asarray(fine.reduce(FINE), np.float32) / 255
    return (low[1], low[0]), patch


def _paint(rng, canvas, corner, alpha, free):
    """Paints a patch; returns the numbers of its colour and of its texture."""
    colour = int(rng.choice(np.flatnonzero(free)))
    texture = int(rng.integers(len(TEXTURES)))
    first = _RGB[colour] + rng.uniform(-15, 15, 3).astype(np.float32)
    second = first * 0.75 if first.mean() > 110 else first * 0.8 + 45
    height, width = alpha.shape
    pattern = _pattern(rng, TEXTURES[texture], height, width)[..., None]
    light = np.linspace(*rng.uniform(-12, 12, 2), width, dtype=np.float32)
    paint = first + (second - first) * pattern + light[None, :, None]
    patch = canvas[corner[0] : corner[0] + height, corner[1] : corner[1] + width]
    patch += (paint - patch) * alpha[..., None]
    return colour, texture


def _pattern(rng, texture, height, width):
    """1 where a texture has its second colour, else 0: (h, w)."""
    if texture == "plain":
        return np.zeros((height, width), np.float32)
    period, turn = rng.uniform(4, 9), rng.uniform(0, np.pi)
    x, y = np.arange(width), np.arange(height)[:, None]
    u = (x * np.cos(turn) + y * np.sin(turn)) / period % 1
    if texture == "striped":
        return (u < 0.5).astype(np.float32)
    v = (y * np.cos(turn) - x * np.sin(turn)) / period % 1
    if texture == "checked":
        return ((u < 0.5) ^ (v < 0.5)).astype(np.float32)
    return ((u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.09).astype(np.float32)
