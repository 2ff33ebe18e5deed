"""From a picture's bytes to (h, w, 3) uint8 RGB, as a viewer shows it.

TensorFlow decodes what it decodes rightly: JPEG, PNG, BMP, GIF (its first frame), also
grey, palette, CMYK, 16-bit PNG; transparency is dropped. Pillow decodes the rest (a turned photograph
with an EXIF orientation, WebP, TIFF); `look` finds out which, and what is broken.
"""

import io

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

ORIENTATION = 0x0112  # EXIF


def look(picture):
    """Reads the header of a picture: a path, or its bytes.

    Returns:
      (width, height) as shown, (width, height) as stored, and whether Pillow must
      decode it.

    Raises:
      ValueError: its message says what is wrong with the picture.
    """
    try:
        file = io.BytesIO(picture) if isinstance(picture, bytes) else picture
        with Image.open(file) as image:
            stored = image.size
            turned = image.getexif().get(ORIENTATION, 1)
            native = image.format in ("JPEG", "MPO", "PNG")
            return (
                stored[::-1] if turned >= 5 else stored,
                stored,
                turned != 1 or not native,
            )
    except FileNotFoundError:
        raise ValueError("there is no such picture") from None
    except IsADirectoryError:
        raise ValueError("is a folder, not a picture") from None
    except Exception as error:
        raise ValueError(f"is not a picture that can be read ({error})") from None


def decode(data, by_pillow, name):
    """A picture in a graph: (h, w, 3) uint8.

    Args:
      data: its bytes, a scalar string tensor.
      by_pillow: a scalar bool, from `look`.
      name: a scalar string that the error names where the bytes are damaged.
    """
    image = tf.cond(by_pillow, lambda: _by_pillow(data), lambda: _by_tensorflow(data))
    sound = tf.debugging.Assert(tf.size(image) > 0, ["cannot decode the picture", name])
    with tf.control_dependencies([sound]):
        return tf.ensure_shape(tf.identity(image), (None, None, 3))


def _by_tensorflow(data):
    # A graph cannot catch an error, a data set can ignore one: then nothing is left
    # of this one, and the empty picture after it stands for the failure.
    decoded = tf.data.Dataset.from_tensors(data).map(
        lambda x: tf.ensure_shape(
            tf.io.decode_image(x, channels=3, expand_animations=False), (None, None, 3)
        )
    )
    nothing = tf.data.Dataset.from_tensors(tf.zeros((0, 0, 3), tf.uint8))
    return decoded.ignore_errors().concatenate(nothing).take(1).get_single_element()


def _by_pillow(data):
    def to_rgb(data):
        try:
            return rgb(data)
        except Exception:
            return np.zeros((0, 0, 3), np.uint8)

    image = tf.numpy_function(to_rgb, [data], tf.uint8, stateful=False)
    return tf.ensure_shape(image, (None, None, 3))


def rgb(picture):
    """A path or bytes to (h, w, 3) uint8, through Pillow, turned as EXIF says."""
    file = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    with Image.open(file) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
        return np.asarray(image.convert("RGB"))
