"""A trained model, as a folder of kzoo's or as a file that ships."""

import functools
import pathlib

import kzoo


def open_model(path):
    """What is at `path` as a function of pictures, and its class names.

    Args:
      path: a recipe's workdir, a folder that `kzoo.save` wrote, or any exported file.

    Returns:
      (function from a list of pictures to a list of dicts as `kzoo.predict` gives
      them, class names).
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model {path}")
    if path.suffix in (".tflite", ".onnx") or (path / "saved_model.pb").exists():
        shipped = kzoo.deploy.open(path)
        return shipped, shipped.class_names
    model = kzoo.load(path)
    return functools.partial(kzoo.predict, model), model.task.class_names
