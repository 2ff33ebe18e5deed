"""ONNX, opset 17, by tf2onnx: for onnxruntime, browsers, OpenVINO, OpenCV."""

import pathlib

from kzoo.deploy import graphs, metadata
from kzoo.deploy.quiet import quiet

# tf2onnx 1.17 writes 11 to 18; all runtimes that we know read 17.
OPSET = 17


def onnx(model, path, nms=True):
    """Writes `kzoo.deploy.serving(model)` as an ONNX file.

    Args:
      model: a kzoo model with a task and a fixed input size.
      path: the file.
      nms: False leaves out the NMS, which OpenCV does not read.

    Returns:
      `path`, a pathlib.Path.
    """
    import tf2onnx

    path = pathlib.Path(path)
    function = graphs.serving(model, nms)
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet():
        tf2onnx.convert.from_function(
            function,
            input_signature=function.input_signature,
            opset=OPSET,
            output_path=str(path),
        )
    metadata.add(path, metadata.describe(model, nms, any_size=True))
    return path
