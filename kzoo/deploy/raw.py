"""How far the network inside a file is from the Keras model, before any decision.

NMS decides at edges: of two boxes that overlap by 0.5001 one goes, by 0.4999 none. So
files are compared where nothing is decided yet, at every anchor. Those tensors are in
every file; a copy of it is made whose outputs they are.
"""

import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from kzoo.deploy import flatbuffer, graphs, metadata, runtime, to_onnx
from kzoo.deploy.opening import fit


def raw_errors(model, paths, pictures):
    """The largest difference between each file and its model, over all anchors.

    Scores differ in probability, of every anchor and class. Boxes differ in parts of
    the longer side of what the network sees; they count where a score of the anchor
    reaches the task's threshold, since no others are looked at. A classifier's scores
    differ in probability.

    Args:
      model: the Keras model that the files were written from.
      paths: SavedModel folders, .tflite and .onnx files.
      pictures: (h, w, 3) uint8, of any size.

    Returns:
      A list of floats.
    """
    network, errors = graphs.raw_serving(model), []
    for path in paths:
        inputs = [fit(picture, metadata.inspect(path))[0] for picture in pictures]
        largest = [0.0]
        for image, outputs in zip(inputs, _raw_outputs(path, inputs), strict=True):
            largest += _differences(model, network(image), outputs)
        errors.append(float(np.max(largest)))
    return errors


def _differences(model, expected, outputs):
    """The largest differences of scores and, if there are boxes, of boxes."""
    size, task = graphs.network_size(model), model.task
    want = graphs.results(task, expected, size, nms=False)
    have = graphs.results(task, outputs, size, nms=False)
    yield np.abs(want["scores"] - have["scores"]).max()
    if "boxes" in want:
        best = np.maximum(want["scores"], have["scores"]).max(-1)
        boxes = np.abs(want["boxes"] - have["boxes"]).max(-1) / max(size)
        yield np.max(boxes, where=best >= task.score_threshold, initial=0.0)


def _raw_outputs(path, inputs):
    """The raw outputs {name: (1, ...)} of each input (1, h, w, 3)."""
    path, kind = pathlib.Path(path), metadata.kind_of(path)
    if kind == "saved_model":
        signature = tf.saved_model.load(str(path)).signatures["raw"]
        return [signature(images=tf.constant(image)) for image in inputs]
    expose = flatbuffer.expose if kind == "tflite" else to_onnx.expose
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / path.name
        copy.write_bytes(expose(path.read_bytes()))
        run, start = runtime.load(str(copy)), len(graphs.RAW)
        return [
            {n[start:]: x for n, x in run(image).items() if n.startswith(graphs.RAW)}
            for image in inputs
        ]
