"""A .tflite file as objects: joining two, naming outputs, naming forbidden operations.

Written with the schema that TensorFlow ships. A file is a list of buffers, of operator
codes and of subgraphs; a subgraph's tensors and operators refer to them by index.
"""

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

from kzoo.deploy.graphs import RAW

_IDENTIFIER = b"TFL3"


def read(content):
    """bytes -> schema.ModelT."""
    return schema.ModelT.InitFromPackedBuf(content, 0)


def pack(model):
    """schema.ModelT -> bytes."""
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def join(first, second):
    """The file that feeds what `first` gives into `second`.

    Why: the converter quantises all of a graph that it can. Boxes of a few pixels and
    of hundreds, exponentials and order do not bear 256 levels: a detector of mAP 0.53
    fell to 0.03. With the body quantised alone and joined to a float end it kept 0.53.

    Args:
      first, second: bytes of .tflite files with one signature each; `second` takes
        inputs of the names and shapes that `first` gives.

    Returns:
      bytes, with the inputs of `first` and the outputs of `second`.
    """
    model, end = read(first), read(second)
    body, tail = model.subgraphs[0], end.subgraphs[0]
    if len(model.subgraphs) > 1 or len(end.subgraphs) > 1:
        raise ValueError("a graph with loops or branches cannot be joined to another")
    signature, ending = model.signatureDefs[0], end.signatureDefs[0]
    given = {_text(x.name): x.tensorIndex for x in signature.outputs}
    for name, index in given.items():
        body.tensors[index].name = RAW + name
    place = {x.tensorIndex: given[_text(x.name)] for x in ending.inputs}

    for index, tensor in enumerate(tail.tensors):
        if index not in place:
            place[index] = len(body.tensors)
            # Buffer 0 is the empty one in every file.
            tensor.buffer += len(model.buffers)
            body.tensors.append(tensor)
    for operator in tail.operators:
        operator.opcodeIndex += len(model.operatorCodes)
        operator.inputs = [place.get(i, -1) for i in operator.inputs]
        operator.outputs = [place[i] for i in operator.outputs]
        body.operators.append(operator)
    model.operatorCodes += end.operatorCodes
    model.buffers += end.buffers
    for output in ending.outputs:
        output.tensorIndex = place[output.tensorIndex]
    signature.outputs = ending.outputs
    body.outputs = [place[i] for i in tail.outputs]
    return pack(model)


def name_outputs(content, names):
    """Gives the output tensors the signature's names, in the order of `names`.

    Runtimes that know no signatures (OpenVINO, the C API) find outputs by the name or
    the place of their tensor, and the converter leaves both to chance.
    """
    model = read(content)
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    place = {_text(x.name): x.tensorIndex for x in signature.outputs}
    for name, index in place.items():
        graph.tensors[index].name = name
    for entry in signature.inputs:
        graph.tensors[entry.tensorIndex].name = _text(entry.name)
    graph.outputs = [place[name] for name in names]
    signature.outputs.sort(key=lambda x: names.index(_text(x.name)))
    return pack(model)


def expose(content):
    """The file (bytes) whose further outputs are the network's raw ones."""
    model = read(content)
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    for index, tensor in enumerate(graph.tensors):
        if _text(tensor.name).startswith(RAW):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = tensor.name, index
            signature.outputs.append(entry)
            graph.outputs = [*graph.outputs, index]
    return pack(model)


def _text(name):
    return name.decode() if isinstance(name, bytes) else name
