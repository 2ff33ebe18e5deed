"""From a picture's bytes to (h, w, 3) uint8 RGB, as a viewer shows it.

TensorFlow decodes JPEG and PNG: grey, palette, 16 bits (the upper 8 are kept) and
transparency (dropped) included. Pillow decodes the rest, more slowly: GIF (its first
frame), BMP, WebP, TIFF, CMYK, and photographs that an EXIF orientation turns. `look`
reads the header, finds which of the two it will be, and what is broken; kinds that do
not mark their end are decoded for that.
"""

import io
import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

EXIF_ORIENTATION = 0x0112
TAIL = 4096  # bytes
# The mark without which a file was cut short, for the formats left to TensorFlow.
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


class Look(NamedTuple):
    """shown, stored: (width, height) with the EXIF orientation obeyed, and in the file;
    turned: whether it has one; native: whether TensorFlow decodes what is stored."""

    shown: tuple
    stored: tuple
    turned: bool
    native: bool


def look(picture):
    """Reads the header of a picture, given as a path or as its bytes.

    Raises:
      ValueError: its message says what is wrong with the picture.
    """
    try:
        with _opened(picture) as file, Image.open(file) as image:
            stored, kind, mode = image.size, image.format, image.mode
            turn = _orientation(image)
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            if kind not in ENDS or ENDS[kind] not in file.read():
                # Perhaps only something was appended, or its kind has no mark.
                rgb(picture)
    except FileNotFoundError:
        raise ValueError("there is no such picture") from None
    except IsADirectoryError:
        raise ValueError("this is a folder, not a picture") from None
    except Image.UnidentifiedImageError:
        raise ValueError(_unknown(picture)) from None
    except Exception as error:
        raise ValueError(f"the picture cannot be decoded: {error}") from None
    shown = stored[::-1] if turn in range(5, 9) else stored
    native = kind in ENDS and mode != "CMYK"
    return Look(shown, stored, turn in range(2, 9), native)


def _orientation(image):
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # To look further, Pillow would decode all of it.
    return image.getexif().get(EXIF_ORIENTATION, 1)


def _opened(picture):
    return io.BytesIO(picture) if isinstance(picture, bytes) else open(picture, "rb")


def _unknown(picture):
    with _opened(picture) as file:
        start = file.read(8)
    return (
        f"not a picture: its first bytes are {start!r}" if start else "empty: 0 bytes"
    )


def decode(data, by_pillow, turn, name):
    """A picture inside a graph: (h, w, 3) uint8.

    Args:
      data: its bytes, () string.
      by_pillow: () bool, from `look`.
      turn: () bool, whether Pillow obeys the EXIF orientation.
      name: () string, for the error that a damaged picture raises.
    """
    image = tf.cond(
        by_pillow, lambda: _by_pillow(data, turn), lambda: _by_tensorflow(data)
    )
    sound = tf.debugging.Assert(tf.size(image) > 0, ["cannot decode picture", name])
    with tf.control_dependencies([sound]):
        return tf.ensure_shape(tf.identity(image), (None, None, 3))


def _by_tensorflow(data):
    # A graph cannot catch an error, but a data set can pass over one: what is left is
    # then the empty picture behind it, and `decode` can say which file it was.
    # decode_jpeg takes PNG, too; so asked, it gives the pixels that Pillow gives.
    decoded = tf.data.Dataset.from_tensors(data).map(
        lambda x: tf.io.decode_jpeg(x, channels=3, dct_method="INTEGER_ACCURATE")
    )
    empty = tf.data.Dataset.from_tensors(tf.zeros((0, 0, 3), tf.uint8))
    return decoded.ignore_errors().concatenate(empty).take(1).get_single_element()


def _by_pillow(data, turn):
    def pixels(data, turn):
        try:
            return rgb(np.asarray(data).item(), turn)
        except Exception:
            return np.zeros((0, 0, 3), np.uint8)

    image = tf.numpy_function(pixels, [data, turn], tf.uint8, stateful=False)
    return tf.ensure_shape(image, (None, None, 3))


def rgb(picture, turn=True):
    """A path or bytes to (h, w, 3) uint8 through Pillow, turned as EXIF says."""
    with _opened(picture) as file, Image.open(file) as image:
        if turn:
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            # Pillow's own conversion would clip at 255.
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return np.array(image.convert("RGB"))


def read(path):
    """A picture file to (h, w, 3) uint8 RGB, the very pixels that training sees.

    Raises:
      ValueError: names the file and what is wrong with it.
    """
    path = os.fspath(path)
    try:
        found = look(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    by_pillow = found.turned or not found.native
    try:
        return decode(tf.io.read_file(path), by_pillow, True, path).numpy()
    except tf.errors.InvalidArgumentError:
        raise ValueError(f"{path}: the picture cannot be decoded") from None
