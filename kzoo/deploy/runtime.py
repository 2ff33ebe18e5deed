"""Runs a file that ships, as someone without kzoo does: this file imports none of it.

    python runtime.py FILE INPUTS.npz OUTPUTS.npz

INPUTS.npz holds pictures as arrays (1, h, w, 3) uint8 named 0, 1, ...; OUTPUTS.npz gets
0/boxes, 0/scores, ... and `seconds` of each run.
"""

import importlib.abc
import os
import sys
import time

import numpy as np


def load(path):
    """The file at `path` as a function: images (1, h, w, 3) uint8 -> {name: array}."""
    if os.path.isdir(path):
        return _saved_model(path)
    return {".tflite": _tflite, ".onnx": _onnx}[os.path.splitext(path)[1]](path)


def _saved_model(path):
    import tensorflow as tf

    signature = tf.saved_model.load(path).signatures["serving_default"]

    def run(images):
        outputs = signature(images=tf.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def _tflite(path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    settings = {"model_path": path, "num_threads": os.cpu_count()}
    interpreter = Interpreter(**settings)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        if "xnnpack" not in str(error).lower():
            raise
        # It takes operations that it cannot prepare, as of a network of 1001 layers.
        print(f"{path}: without XNNPACK, which says: {error}", file=sys.stderr)
        builtin = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(**settings, experimental_op_resolver_type=builtin)
    runner = interpreter.get_signature_runner()
    return lambda images: runner(images=images)


def _onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {"images": images})))


class _Absent(importlib.abc.MetaPathFinder):
    """Makes `import kzoo` fail, as on a machine that does not have it."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "kzoo":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(path, inputs, outputs):
    """Answers every picture of the file `inputs` into the file `outputs`; also which
    modules of kzoo were imported meanwhile: none."""
    sys.meta_path.insert(0, _Absent())
    run = load(path)
    answers, seconds = {}, []
    with np.load(inputs) as pictures:
        if pictures.files:
            # The first run is slower: runtimes plan their memory in it.
            run(pictures["0"])
        for name in pictures.files:
            picture = pictures[name]
            start = time.perf_counter()
            answer = run(picture)
            seconds.append(time.perf_counter() - start)
            answers.update({f"{name}/{key}": value for key, value in answer.items()})
    modules = sorted(name for name in sys.modules if name.partition(".")[0] == "kzoo")
    np.savez(
        outputs, seconds=np.array(seconds), modules=np.array(modules, "U"), **answers
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
