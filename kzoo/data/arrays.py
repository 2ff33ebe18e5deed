"""Pictures that lie in memory as one array: NumPy's files, and real digits.

npz:FOLDER has a file a split, *train*.npz, *test*.npz ...; npz:FILE is one data set,
cut as a folder without splits is. Each file has "images" (N, h, w, 3) or (N, h, w)
uint8 and "labels" (N,) whole numbers; "class_names" (K,) if classes are to have names.
"""

import re
import zipfile
import zlib

import numpy as np
import tensorflow as tf

from kzoo.data import splits
from kzoo.data.checks import BadData, different
from kzoo.data.source import Source

CUT = ("train", "validation", "test")
PART = re.compile("train|validation|valid|val|dev|test")


class ArraySource(Source):
    """As `Source`, of images (N, h, w, 3) uint8, labels (N,) and N ids."""

    def __init__(self, name, split, class_names, images, labels, ids):
        self.name, self.split, self.task = name, split, "classification"
        self.class_names, self.ids = different(class_names, name), list(ids)
        self.skipped, self.most_boxes = [], 0
        # Not on a GPU: tf.data would fetch them back for every example.
        with tf.device("CPU:0"):
            self._images = tf.constant(images)
            self._label = tf.constant(labels, tf.int32)

    def example(self, index):
        return {"image": self._images[index], "label": self._label[index]}


def open_digits(split, examples, seed):
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, 0 to 16 in each.

    Alpaydin and Kaynak 1998, https://archive.ics.uci.edu/dataset/80. 1,197 to learn
    from and 300 each to validate and to test, chosen by a fixed seed.
    """
    # Half a second that others need not wait for.
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.round(found.images * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    parts = dict(zip(CUT, np.split(order, [1197, 1497])))
    name, start, end = splits.parse(split)
    rows = np.sort(parts[splits.find(name, CUT, "digits")])
    rows = splits.choose(splits.cut(rows, start, end), examples, seed, "digits")
    names = [str(digit) for digit in range(10)]
    ids = [f"digit {row}" for row in rows]
    return _source("digits", split, names, images, found.target, rows, ids)


def open_npz(source, path, split, examples, seed):
    """The ArraySource of npz:`path`; see `kzoo.data.open`."""
    name, start, end = splits.parse(split)
    files = _files(path)
    if path.is_file():
        name, file = splits.find(name, CUT, source), path
    else:
        file = files[splits.find(name, files, source)]
    names = _class_names(files.values())
    images, labels = _read(file, len(names))
    rows = np.arange(len(labels))
    if path.is_file():
        rows = _part(rows, name)
    rows = splits.choose(splits.cut(rows, start, end), examples, seed, source)
    if not len(rows):
        raise ValueError(f"{source} has no usable example in {split!r}")
    ids = [f"{file}, images[{row}]" for row in rows]
    return _source(source, split, names, images, labels, rows, ids)


def _source(name, split, names, images, labels, rows, ids):
    images = images[rows]
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=-1)
    return ArraySource(name, split, names, images, np.asarray(labels)[rows], ids)


def _part(rows, name):
    """The rows of a split of a file that is not split."""
    order = np.random.default_rng(0).permutation(rows)
    tenth = round(len(rows) / 10)
    return np.sort(
        dict(zip(CUT[1:] + CUT[:1], np.split(order, [tenth, 2 * tenth])))[name]
    )


def _files(path):
    """{name of the split: its file}."""
    if path.is_file():
        return {path.stem: path}
    files = sorted(path.glob("*.npz"))
    if not files:
        raise BadData(f"{path}: there is no .npz file in this folder")
    found = [PART.search(file.stem.lower()) for file in files]
    names = [match[0] if match else file.stem for match, file in zip(found, files)]
    if len(set(names)) < len(names):
        listed = ", ".join(file.name for file in files)
        raise BadData(f"{path}: two files of one split among {listed}")
    return dict(zip(names, files))


def _class_names(files):
    """Those that a file states; else the numbers up to the highest of all labels."""
    highest = 0
    for file in files:
        arrays = _load(file, ("labels",), ("class_names",))
        if "class_names" in arrays:
            return [str(name) for name in arrays["class_names"]]
        if arrays["labels"].dtype.kind in "iu" and arrays["labels"].size:
            highest = max(highest, int(arrays["labels"].max()))
    return [str(number) for number in range(highest + 1)]


def _read(file, classes):
    """(images, labels) of a file, checked."""
    arrays = _load(file, ("images", "labels"))
    images, labels = arrays["images"], arrays["labels"]
    shape, kind = images.shape, images.dtype
    grey, colour = len(shape) == 3, len(shape) == 4 and shape[-1] == 3
    if kind != np.uint8 or not (grey or colour) or 0 in shape[1:]:
        raise BadData(
            f"{file}: images is {shape} {kind}, not (N, h, w, 3) or (N, h, w) uint8"
        )
    if labels.shape != shape[:1] or labels.dtype.kind not in "iu":
        raise BadData(
            f"{file}: labels is {labels.shape} {labels.dtype}, "
            f"not {shape[:1]} whole numbers"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        first = wrong[0]
        raise BadData(
            f"{file}, labels[{first}]: class {labels[first]} is not one of 0 to "
            f"{classes - 1}"
        )
    return images, labels.astype(np.int32)


def _load(file, needed, wanted=()):
    """{name: array} of a file; objects are not unpickled, since they can run code."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            lacking = [name for name in needed if name not in arrays.files]
            if lacking:
                held = ", ".join(arrays.files) or "nothing"
                raise BadData(f"{file}: it has no {lacking[0]!r}, only {held}")
            names = [*needed, *(name for name in wanted if name in arrays.files)]
            return {name: arrays[name] for name in names}
    except BadData:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        raise BadData(f"{file}: this is no .npz file of arrays: {reason}") from None
    except AttributeError:  # NumPy gives one array of a .npy file.
        raise BadData(f"{file}: this is one array, not a .npz file") from None
