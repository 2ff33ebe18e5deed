"""ONNX, opset 17, by tf2onnx: for onnxruntime, browsers, OpenVINO, OpenCV."""

import pathlib

import numpy as np

from kzoo.deploy import graphs, metadata
from kzoo.deploy.graphs import RAW
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
    import onnx
    import tf2onnx

    path = pathlib.Path(path)
    # What was an output keeps its name when it is one no longer: see `expose`.
    function = graphs.serving_with_raw(model, nms)
    with quiet():
        file, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET
        )
    _keep_zeros(file.graph)
    shipped = [x for x in file.graph.output if not x.name.startswith(RAW)]
    del file.graph.output[:]
    file.graph.output.extend(shipped)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(file, str(path))
    metadata.add(path, metadata.describe(model, nms, any_size=True))
    return path


def _keep_zeros(graph):
    """Keeps zeros around a picture for a maximum over windows where they are.

    ONNX Runtime takes them for the pooling's own padding, which is no zero but less
    than all: wrong unless all values are above 0, as behind a ReLU. What does not
    change a number, but is no padding, stops it.
    """
    from onnx import helper, numpy_helper

    makers = {name: node for node in graph.node for name in node.output}
    nodes = []
    for node in graph.node:
        pad = makers.get(node.input[0]) if node.op_type == "MaxPool" else None
        if pad is not None and pad.op_type == "Pad":
            behind = makers.get(pad.input[0])
            if behind is None or behind.op_type not in ("Relu", "Clip"):
                name = f"{node.output[0]}_padded"
                lowest = np.array(np.finfo("float32").min, "float32")
                graph.initializer.append(
                    numpy_helper.from_array(lowest, f"{name}_lowest")
                )
                inputs = [node.input[0], f"{name}_lowest"]
                nodes.append(helper.make_node("Max", inputs, [name]))
                node.input[0] = name
        nodes.append(node)
    nodes = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)


def expose(content):
    """The file (bytes) whose further outputs are the network's raw ones."""
    import onnx

    file = onnx.load_from_string(content)
    for node in file.graph.node:
        for name in node.output:
            if name.startswith(RAW):
                value = onnx.helper.make_empty_tensor_value_info(name)
                file.graph.output.append(value)
    return file.SerializeToString()
