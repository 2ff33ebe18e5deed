"""SavedModel: for TensorFlow, TensorFlow Serving, and as a source for converters."""

import pathlib
import shutil

from kzoo.deploy import graphs, metadata
from kzoo.deploy.quiet import quiet


def saved_model(model, path, nms=True):
    """Writes `kzoo.deploy.serving(model)` as a SavedModel folder.

    Its signature "raw" gives the network's own outputs, of the letterboxed picture.

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
        graphs.save(
            model,
            path,
            serving_default=graphs.serving(model, nms),
            raw=graphs.raw_serving(model),
        )
    metadata.add(path, metadata.describe(model, nms, any_size=True))
    return path
