"""TFLite (LiteRT): for phones and small computers; builtin operations only.

The route is SavedModel to converter: the others lose variables or names.
"""

import pathlib
import re
import tempfile

import numpy as np
import tensorflow as tf

from kzoo.deploy import flatbuffer, graphs, metadata
from kzoo.deploy.quiet import quiet
from kzoo.ops.images import letterbox

PRECISIONS = ("float32", "float16", "dynamic", "int8")
# Ranges of activations of fewer pictures are luck.
CALIBRATION = 100


def tflite(
    model, path, precision="float32", calibration=None, nms=True, fewer_ok=False
):
    """Writes a .tflite file that takes one picture of the network's size.

    Args:
      model: a kzoo model with a task and a fixed input size (H, W).
      path: the file.
      precision: "float32"; "float16" weights; "dynamic", int8 weights; or "int8",
        weights and activations of the body, while decoding and NMS stay float.
      calibration: for "int8", an iterable of pictures like those that the file will
        meet, (h, w, 3) or (B, h, w, 3), RGB 0..255; at least 100 pictures.
      nms: False leaves out the NMS.
      fewer_ok: True accepts fewer pictures for calibration.

    Returns:
      `path`, a pathlib.Path.

    Raises:
      ValueError: for another precision, too few pictures, or an operation that is no
        builtin; it names the layer.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"no precision {precision!r}; kzoo has {', '.join(PRECISIONS)}"
        )
    path = pathlib.Path(path)
    model = graphs.in_float32(model)
    pictures = None
    if precision == "int8":
        pictures = _calibration(calibration, graphs.network_size(model), fewer_ok)
    body = _convert(graphs.body(model), model, precision, pictures)
    tail = _convert(graphs.tail(model, nms), model)
    content = flatbuffer.join(body, tail)
    description = metadata.describe(model, nms, precision=precision)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(flatbuffer.name_outputs(content, list(description["outputs"])))
    metadata.add(path, description)
    return path


def _convert(function, model, precision="float32", pictures=None):
    """The bytes of the .tflite file of a tf.function that uses `model`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with quiet():
                graphs.save(model, folder, serving_default=function)
                return _converter(folder, precision, pictures).convert()
        except Exception as error:
            _explain(error)
            raise


def _converter(folder, precision, pictures):
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: (
            {"images": picture[None]} for picture in pictures
        )
    return converter


def _explain(error):
    """Says the converter's error in one sentence, if it is about an operation."""
    text = str(error)
    found = re.search(r"(?:TF Select|Custom) ops: (.+)", text)
    if found:
        # As in loc(fused["Erf:", "model/gelu/Erf@__inference_serve_42"]).
        layers = sorted(set(re.findall(r'"([^"@:]+)@[^"]*"', text)))
        where = f" in {', '.join(layers)}" if layers else ""
        names = found.group(1).strip()
        raise ValueError(f"no TFLite builtin: {names}{where}") from None


def _calibration(pictures, size, fewer_ok):
    """uint8 pictures of the network's size, as a list."""
    if pictures is None:
        raise ValueError(
            "int8 needs calibration: pictures like those that the file will meet"
        )
    fitted = []
    for picture in pictures:
        picture = np.asarray(picture)
        if picture.ndim not in (3, 4) or picture.shape[-1] != 3:
            raise ValueError(
                "calibration pictures are (h, w, 3) or (B, h, w, 3), RGB 0..255; "
                f"got {picture.shape}"
            )
        fitted.extend(
            _fit(x, size) for x in (picture if picture.ndim == 4 else [picture])
        )
    different = len({picture.tobytes() for picture in fitted})
    if different < CALIBRATION and not fewer_ok:
        raise ValueError(
            f"{different} different calibration pictures; int8 needs at least "
            f"{CALIBRATION} (fewer_ok=True takes what there is)"
        )
    if not fitted:
        raise ValueError("no calibration pictures")
    return fitted


def _fit(picture, size):
    if picture.shape[:2] != size:
        picture = letterbox(picture, *size)[0]
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
