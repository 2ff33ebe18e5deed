"""From pictures to what a model sees in them."""

import pathlib

import numpy as np
from keras import ops

from kzoo.ops.images import letterbox

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def predict(model, images, batch_size=8):
    """What `model` sees in each of `images`.

    Args:
      model: a kzoo model with a task and a fixed input size.
      images: a picture or a list of them, each a path or an array (H, W, 3), RGB
        0..255; any size. Grey and RGBA pictures are taken as RGB.
      batch_size: pictures that go through the network together.

    Returns:
      A list with one dict a picture. Detection: "boxes" (n, 4) float32 xyxy in
      pixels of that picture, "scores" (n,), "classes" (n,) int, "names", best
      first. Classification: "class", "name", "score" and "scores" (K,).

    Raises:
      ValueError: for a picture that cannot be read; it names the file.
    """
    if isinstance(images, (str, pathlib.Path)) or getattr(images, "ndim", 0) in (2, 3):
        images = [images]
    results = []
    for start in range(0, len(images), batch_size):
        pictures = [read(image) for image in images[start : start + batch_size]]
        results += _predict_batch(model, pictures)
    return results


def read(image):
    """A path or an array as (H, W, 3) uint8 RGB."""
    if isinstance(image, (str, pathlib.Path)):
        return _open(image)
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(
            f"a picture is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); got {image.shape}"
        )
    image = np.repeat(image, 3, -1) if image.shape[-1] == 1 else image[..., :3]
    if image.dtype.kind in "OSU" or not np.isfinite(image).all():
        raise ValueError(
            f"a picture is made of finite numbers in 0..255; got "
            f"{image.dtype} with others"
        )
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _open(path):
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            # Cameras store a turned picture as a note beside the pixels.
            picture = ImageOps.exif_transpose(picture)
            if picture.mode.startswith("I;16"):
                # The upper 8 bits, as in training: Pillow would clip at 255.
                upper = (np.asarray(picture) >> 8).astype(np.uint8)
                picture = Image.fromarray(upper)
            return np.array(picture.convert("RGB"))
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture {path}") from None
    except IsADirectoryError:
        reason = "it is a folder"
    except Image.UnidentifiedImageError:
        reason = "it does not begin like one"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error)
    raise ValueError(f"{path} cannot be read as a picture: {reason}")


def _predict_batch(model, pictures):
    if model.task is None:
        raise ValueError(f"{model.name} gives features: it was built with classes=None")
    height, width = model.input_shape[1:3]
    if height is None or width is None:
        raise ValueError(
            f"{model.name} takes pictures of any size; build it with "
            "input_shape=(height, width, 3) to predict"
        )
    boxed = [letterbox(picture, height, width) for picture in pictures]
    images = ops.stack([image for image, _ in boxed])
    outputs = model(images, training=False)
    results = model.task.results(outputs, image_size=(height, width))
    results = {name: ops.convert_to_numpy(x) for name, x in results.items()}
    scales = np.stack([ops.convert_to_numpy(scale) for _, scale in boxed])
    sizes = np.array([picture.shape[:2] for picture in pictures])
    return in_pictures(model.task, results, scales, sizes)


def in_pictures(task, results, scales, sizes):
    """A task's results of a batch, in terms of the pictures it was made of.

    Args:
      results: what `task.results` gives, as NumPy arrays with B rows.
      scales: (B, 2), by which `kzoo.ops.images.letterbox` scaled x and y.
      sizes: (B, 2), height and width of each picture.

    Returns:
      A list of B dicts, as `predict` returns them.
    """
    rows = [{name: x[i] for name, x in results.items()} for i in range(len(scales))]
    if task.name == "classification":
        return [_classified(row, task.class_names) for row in rows]
    return [
        _detected(row, task.class_names, *at) for row, *at in zip(rows, scales, sizes)
    ]


def _classified(row, names):
    best = int(row["classes"])
    return {
        "class": best,
        "name": names[best],
        "score": float(row["scores"][best]),
        "scores": row["scores"],
    }


def _detected(row, names, scale, size):
    """A row of results without its padding, in pixels of its picture."""
    count = int(row["count"])
    height, width = size
    boxes = row["boxes"][:count] / np.tile(scale, 2)
    classes = row["classes"][:count]
    return {
        "boxes": np.clip(boxes, 0, [width, height, width, height]).astype("float32"),
        "scores": row["scores"][:count],
        "classes": classes,
        "names": [names[c] for c in classes],
    }
