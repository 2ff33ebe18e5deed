"""From a file to {name: NumPy array}. Nothing in a file can run code.

A new kind of file is one function and one row of `READERS`.
"""

import os
import pathlib
import zipfile

import numpy as np

from kzoo import saving
from kzoo.weights.readers.caffe import read_caffe
from kzoo.weights.readers.darknet import read_darknet
from kzoo.weights.readers.keras_files import read_archive, read_h5
from kzoo.weights.readers.limits import check_archive
from kzoo.weights.readers.tflite import read_tflite
from kzoo.weights.readers.torch_files import read_torch


def read(path):
    """The arrays of a file, or of a folder that `kzoo.save` or a recipe wrote.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: for a kind of file that kzoo does not read, or a damaged one.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        path = saving.find(path) / saving.WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    reader = reader_of(path.name)
    if reader is None:
        known = ", ".join(READERS)
        raise ValueError(f"kzoo cannot read {path}; it reads {known} and model folders")
    try:
        return reader(path)
    except Exception as error:
        raise ValueError(f"{path} cannot be read: {_reason(error)}") from error


def reader_of(name):
    """The function that reads a file of this name, or None."""
    name = os.fspath(name).lower()
    return next((r for ending, r in READERS.items() if name.endswith(ending)), None)


def _reason(error):
    """What an error says in one line; a KeyError says no more than a name."""
    text = " ".join(str(error).split())
    ours = isinstance(error, (OSError, ValueError)) and text
    return text if ours else f"{type(error).__name__} {text}".strip()


def read_npz(path):
    with zipfile.ZipFile(path) as archive:
        check_archive(path, archive)
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def read_safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


READERS = {
    ".npz": read_npz,
    ".safetensors": read_safetensors,
    ".h5": read_h5,
    ".hdf5": read_h5,
    ".keras": read_archive,
    ".pth": read_torch,
    ".pt": read_torch,
    ".th": read_torch,
    ".pth.tar": read_torch,
    ".caffemodel": read_caffe,
    ".tflite": read_tflite,
    ".weights": read_darknet,
    ".conv.23": read_darknet,
}
