"""TensorFlow Lite's files: the weights of the graph's convolutions and matrices.

Integers become what they stand for: scale * (integer - zero point).
"""

import pathlib

import numpy as np

from kzoo.weights.readers.limits import check_size

_TYPES = {
    0: "f4",
    1: "f2",
    2: "i4",
    3: "u1",
    4: "i8",
    7: "i2",
    9: "i1",
}
_OPERATIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def read_tflite(path):
    """{"NN:OPERATION:w": array, "NN:OPERATION:b": ...}, NN counting from 00.

    Kernels are (out, h, w, in), depthwise ones (1, h, w, channels).
    """
    from ai_edge_litert import schema_py_generated as schema

    data = pathlib.Path(path).read_bytes()
    if data[4:8] != b"TFL3":
        raise ValueError("it does not begin as TensorFlow Lite's files do")
    model = schema.Model.GetRootAs(data)
    if model.SubgraphsLength() != 1:
        raise ValueError(f"a graph of {model.SubgraphsLength()} parts, not of one")
    kinds = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    arrays, number, size = {}, 0, 0
    for kind, inputs in _operations(model, kinds):
        constants = [x for x in inputs if x is not None]
        size += sum(x.nbytes for x in constants)
        check_size(path, size)  # many operations may share one
        if kind in _OPERATIONS and constants:
            stem = f"{number:02d}:{kind}"
            arrays |= {f"{stem}:{'w' if x.ndim > 1 else 'b'}": x for x in constants}
            number += 1
    if not arrays:
        raise ValueError(f"no operation in it has weights ({', '.join(_OPERATIONS)})")
    return arrays


def _operations(model, kinds):
    """(name, its inputs, None where no constant) of each operation, in order."""
    graph = model.Subgraphs(0)
    widened = {}  # where a half precision constant goes through DEQUANTIZE
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = model.OperatorCodes(operator.OpcodeIndex())
        # Old files have the first of the two only, new ones count on in the second.
        kind = kinds.get(max(code.DeprecatedBuiltinCode(), code.BuiltinCode()))
        inputs = [operator.Inputs(j) for j in range(operator.InputsLength())]
        if kind == "DEQUANTIZE":
            widened[operator.Outputs(0)] = inputs[0]
        inputs = [widened.get(x, x) for x in inputs]
        yield kind, [_constant(model, graph, x) for x in inputs]


def _constant(model, graph, index):
    if index < 0:
        return None
    tensor = graph.Tensors(index)
    buffer = model.Buffers(tensor.Buffer())
    if not buffer.DataLength():
        return None
    if tensor.Type() not in _TYPES or tensor.Sparsity() is not None:
        raise ValueError(f"{tensor.Name().decode()} has numbers of an unknown kind")
    shape = [tensor.Shape(i) for i in range(tensor.ShapeLength())]
    numbers = np.frombuffer(buffer.DataAsNumpy(), "<" + _TYPES[tensor.Type()])
    return _dequantized(numbers.reshape(shape), tensor.Quantization())


def _dequantized(array, quantization):
    if quantization is None or not quantization.ScaleLength():
        return array
    scale = quantization.ScaleAsNumpy()
    zero = quantization.ZeroPointAsNumpy()
    if len(scale) > 1:
        # One for each output channel.
        shape = [1] * array.ndim
        shape[quantization.QuantizedDimension()] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return (scale * (array.astype("f8") - zero)).astype("f4")
