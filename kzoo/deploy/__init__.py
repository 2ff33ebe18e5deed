"""From a model to files that ship, and from the files back to what they answer.

    kzoo.deploy.tflite(model, "birds.tflite", "int8", calibration=pictures)
    kzoo.deploy.inspect("birds.tflite")
    kzoo.deploy.open("birds.tflite")(["garden.jpg"])

A file takes a raw picture, RGB 0..255 uint8, and gives the answer: preprocessing,
decoding and NMS are inside.
"""

from kzoo.deploy.checking import check, largest_error, measure, score, size_of
from kzoo.deploy.formats import FORMATS, write
from kzoo.deploy.graphs import serving
from kzoo.deploy.metadata import inspect
from kzoo.deploy.opening import open
from kzoo.deploy.to_onnx import onnx
from kzoo.deploy.to_saved_model import saved_model
from kzoo.deploy.to_tflite import PRECISIONS, tflite

__all__ = [
    "FORMATS",
    "PRECISIONS",
    "check",
    "inspect",
    "largest_error",
    "measure",
    "onnx",
    "open",
    "saved_model",
    "score",
    "serving",
    "size_of",
    "tflite",
    "write",
]
