"""From a model to files that ship, and back from the files to what they answer.

Each format takes a raw picture and gives the answer: preprocessing, decoding and
NMS are inside. docs/deploy.md says what goes in and what comes out.
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
