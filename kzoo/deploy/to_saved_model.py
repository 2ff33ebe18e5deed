"""SavedModel: for TensorFlow, TensorFlow Serving, and as a source for converters."""

import pathlib
import shutil

from kzoo.deploy import graphs, metadata
from kzoo.deploy.quiet import quiet


def saved_model(model, path, nms=True):
    """Writes `kzoo.deploy.serving(model)` as a SavedModel folder.

    Args:
      model: a kzoo model with a task and a fixed input size.
      path: the folder; replaced if it exists.
      nms: see `kzoo.deploy.serving`.

    Returns:
      `path`, a pathlib.Path.
    """
    path = pathlib.Path(path)
    model = graphs.in_float32(model)
    shutil.rmtree(path, ignore_errors=True)
    with quiet():
        graphs.save(graphs.serving(model, nms), model, path)
    metadata.add(path, metadata.describe(model, nms, any_size=True))
    return path
