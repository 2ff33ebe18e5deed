"""What a file says about itself: labels, normalisation, inputs and outputs.

One dict, in each format's own place: SavedModel's assets.extra, a zip at the end of a
.tflite (where mobile tools look for labels), metadata_props of ONNX.
"""

import json
import pathlib
import zipfile

from kzoo.preprocessing import MODES, Preprocess
from kzoo.version import __version__

DESCRIPTION = "metadata.json"
LABELS = "labels.txt"
_OUTPUTS = {
    "boxes": "float32, xyxy",
    "scores": "float32, 0 to 1",
    "classes": "int32, a row of class_names",
    "count": "int32, how many rows are real; the others are zero",
}


def describe(model, nms=True, any_size=False, precision="float32"):
    """The dict that `inspect` gives back, of a file made from `model`."""
    height, width = model.input_shape[1:3]
    pixels = "the picture" if any_size else "the input"
    outputs = dict(_OUTPUTS, boxes=f"float32, xyxy in pixels of {pixels}")
    if model.task.name != "detection":
        del outputs["boxes"], outputs["count"]
    elif not nms:
        del outputs["classes"], outputs["count"]
    spec = getattr(model, "spec", None)
    return {
        "kzoo": __version__,
        "task": model.task.name,
        "model": spec.builder if spec else model.name,
        "class_names": list(model.task.class_names),
        "input": {
            "name": "images",
            "dtype": "uint8",
            "layout": "RGB 0..255, (batch, height, width, 3)",
            "height": height,
            "width": width,
            "any_size": any_size,
            "resize": "letterbox: aspect kept, bilinear, top left, zeros around",
        },
        "normalisation": _normalisation(model),
        "outputs": outputs,
        "nms": _nms(model.task) if nms else None,
        "precision": precision,
    }


def _nms(task):
    """The settings of the NMS inside; None for tasks that need none."""
    if task.name != "detection":
        return None
    names = ("score_threshold", "iou_threshold", "max_detections")
    return {name: getattr(task, name) for name in names}


def _normalisation(model):
    """What the file does to pixels, so that nobody does it a second time."""
    layers = [x for x in model._flatten_layers() if isinstance(x, Preprocess)]
    if not layers:
        return {"inside": True, "mode": None}
    mode = layers[0].mode
    reverse, scale, offset = MODES[mode]
    return {
        "inside": True,
        "mode": mode,
        "bgr": reverse,
        "grey": scale is not None and len(scale) == 1,
        "scale": list(scale or (1.0,) * 3),
        "offset": list(offset or (0.0,) * 3),
    }


def add(path, description):
    """Writes `description` into the file or folder at `path`."""
    labels = "\n".join(description["class_names"]) + "\n"
    text = json.dumps(description, indent=2) + "\n"
    kind = kind_of(path)
    if kind == "saved_model":
        folder = pathlib.Path(path) / "assets.extra"
        folder.mkdir()
        (folder / DESCRIPTION).write_text(text)
        (folder / LABELS).write_text(labels)
    elif kind == "tflite":
        # A zip is read from its end and a flatbuffer from its start: one file is both.
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(DESCRIPTION, text)
            archive.writestr(LABELS, labels)
    else:
        _add_to_onnx(path, {"kzoo": text, "labels": labels})


def _add_to_onnx(path, properties):
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, str(path))


def inspect(path):
    """The metadata of a file that kzoo wrote: a dict, see `describe`.

    Raises:
      FileNotFoundError: if there is nothing at `path`.
      ValueError: if it is no format of ours, or carries no metadata of kzoo.
    """
    kind = kind_of(path)
    try:
        if kind == "saved_model":
            text = (pathlib.Path(path) / "assets.extra" / DESCRIPTION).read_text()
        elif kind == "tflite":
            with zipfile.ZipFile(path) as archive:
                text = archive.read(DESCRIPTION)
        else:
            text = _onnx_properties(path)["kzoo"]
        return json.loads(text)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} carries no metadata of kzoo: {error}") from error


def _onnx_properties(path):
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ValueError(f"no ONNX file: {error}") from error
    return {entry.key: entry.value for entry in model.metadata_props}


def kind_of(path):
    """ "saved_model", "tflite" or "onnx", by what `path` is."""
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no file {path}")
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return "saved_model"
    if path.is_file() and path.suffix in (".tflite", ".onnx"):
        return path.suffix[1:]
    raise ValueError(
        f"{path} does not ship: kzoo reads SavedModel folders, .tflite and .onnx"
    )
