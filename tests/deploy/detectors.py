"""What the tests of detectors in every format share."""

import keras
from ai_edge_litert.interpreter import Interpreter

import kzoo
from kzoo import deploy
from tests.golden import draw

EXACT = ("saved_model", "tflite_float32", "onnx")


def tolerances(float16=0.005, int8=0.1):
    """{format: the largest error that it may have}."""
    return {name: 1e-4 for name in EXACT} | {
        "tflite_float16": float16,
        "tflite_int8": int8,
    }


def see(model, count=60):
    """The raw outputs of drawn pictures, after batch norms have seen them."""
    pictures = draw.pictures(16, *model.input_shape[1:3])
    for _ in range(count):
        outputs = model(pictures, training=True)
    return outputs


def speak(layer, outputs, spread, mean=None):
    """Gives the last layer of `outputs` a kernel of another spread, and this bias: a
    fresh head says nearly the same of every picture."""
    layer.kernel.assign(layer.kernel * spread / float(keras.ops.std(outputs)))
    if mean is not None:
        layer.bias.assign(keras.ops.full_like(layer.bias, mean))


def rows_error(model, path):
    """The largest error of box and scores of every row, of four pictures."""
    size = model.input_shape[1:3]
    pictures = draw.pictures(4, *size, seed=2)
    found = deploy.open(path)(list(pictures))
    expected = model.task.candidates(model(pictures, training=False), size)
    expected = {k: keras.ops.convert_to_numpy(v) for k, v in expected.items()}
    assert expected["scores"].max() > 0.4 and expected["scores"].std() > 0.05
    sides = expected["boxes"][..., 2:] - expected["boxes"][..., :2]
    assert sides.mean() > 5 and sides.std() > 2
    expected = [dict(zip(expected, one)) for one in zip(*expected.values())]
    return deploy.largest_error(expected, found, [size] * 4)


def detections_error(model, path):
    """That of what a file with NMS inside finds in three pictures."""
    pictures = list(draw.pictures(3, *model.input_shape[1:3], seed=3))
    expected = kzoo.predict(model, pictures)
    assert all(len(one["scores"]) > 1 for one in expected)
    return deploy.check(path, pictures, expected).max_error


def scales(path, rows=None):
    """The scales of the tensors that leave an int8 body; only of those with so many
    rows, where others leave it inside of a normalization."""
    lite = Interpreter(str(path), num_threads=1)
    tensors = {tensor["index"]: tensor for tensor in lite.get_tensor_details()}
    left = [
        tensors[op["inputs"][0]]
        for op in lite._get_ops_details()
        if op["op_name"] == "DEQUANTIZE"
    ]
    if rows is not None:
        left = [tensor for tensor in left if tensor["shape"][1] == rows]
    return {tensor["quantization"][0] for tensor in left}
