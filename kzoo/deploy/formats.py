"""The formats by the names that flags and report.json use."""

import pathlib

from kzoo.deploy.to_onnx import onnx
from kzoo.deploy.to_saved_model import saved_model
from kzoo.deploy.to_tflite import PRECISIONS, tflite

FORMATS = {
    "saved_model": "saved_model",
    **{f"tflite_{precision}": f"model_{precision}.tflite" for precision in PRECISIONS},
    "onnx": "model.onnx",
}


def write(model, name, folder, calibration=None, nms=True, fewer_ok=False):
    """Writes `model` in the format called `name` into `folder`.

    Args:
      name: one of `FORMATS`, which also tells the file's name.
      calibration, fewer_ok: for "tflite_int8"; see `kzoo.deploy.tflite`.

    Returns:
      The path of the file.

    Raises:
      ValueError: for another name.
    """
    if name not in FORMATS:
        raise ValueError(f"no format {name!r}; kzoo has {', '.join(FORMATS)}")
    path = pathlib.Path(folder) / FORMATS[name]
    if name == "saved_model":
        return saved_model(model, path, nms)
    if name == "onnx":
        return onnx(model, path, nms)
    precision = name.removeprefix("tflite_")
    return tflite(model, path, precision, calibration, nms, fewer_ok)
