"""PyTorch's files, .pth, .pt or .th, without PyTorch and without running them.

`torch.save` writes a zip archive: data.pkl, where each tensor is a call of a function
on a storage, and one entry for each storage. Before 1.6 it wrote five pickles one
behind the other and the storages behind them. Both are read as data (`pickles`).
"""

import dataclasses
import functools
import io
import pathlib
import zipfile

import numpy as np

from kzoo.weights.readers.limits import check_archive
from kzoo.weights.readers.pickles import name, unpickle

_MAGIC = 0x1950A86A20F9469CFC6C
# Where training programs put the state dict in what they save.
_PLACES = ("state_dict", "model", "net")
_TYPES = {
    "Float": "f4",
    "Double": "f8",
    "Half": "f2",
    "BFloat16": "bfloat16",
    "Long": "i8",
    "Int": "i4",
    "Short": "i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
}


@dataclasses.dataclass(frozen=True)
class _Storage:
    """Numbers in a row; `start` where they are a part of another storage."""

    key: str
    kind: str
    count: int
    start: int = 0


@dataclasses.dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _tensor(storage, offset, shape, strides, *_):
    return _Tensor(storage, offset, shape, strides)


def _parameter(tensor, *_):
    return tensor


def _dict(pairs=()):
    return {name(key): value for key, value in pairs}


_KNOWN = {
    "collections.OrderedDict": _dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{f"torch.{word}Storage": kind for word, kind in _TYPES.items()},
}


def read_torch(path):
    """{name: array} of the state dict in a file."""
    if zipfile.is_zipfile(path):
        return _read_zip(path)
    return _read_stream(pathlib.Path(path).read_bytes())


def _read_zip(path):
    with zipfile.ZipFile(path) as archive:
        check_archive(path, archive)
        names = archive.namelist()
        pickles = [entry for entry in names if f"/{entry}".endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("a zip archive that torch.save did not write")
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        big = order in names and archive.read(order) == b"big"
        content = unpickle(io.BytesIO(archive.read(pickles[0])), _KNOWN, _persistent)

        @functools.cache
        def numbers(key, kind):
            return _numbers(archive.read(f"{folder}data/{key}"), kind, big)

        return _arrays(content, numbers)


def _read_stream(data):
    file = io.BytesIO(data)
    if not data.startswith(b"\x80"):
        raise ValueError("it does not begin as torch.save's files do")
    if unpickle(file, _KNOWN) != _MAGIC:
        raise ValueError("a pickle that torch.save did not write")
    unpickle(file, _KNOWN)  # the version of the format
    big = not unpickle(file, _KNOWN)["little_endian"]
    kinds = {}

    def persistent(identifier):
        storage = _persistent(identifier)
        kinds[storage.key] = storage.kind
        return storage

    content = unpickle(file, _KNOWN, persistent)
    storages = {}
    for key in unpickle(file, _KNOWN):
        count = np.frombuffer(file.read(8), _stored("i8", big))[0]
        size = int(count) * _stored(kinds[key], big).itemsize
        storages[key] = _numbers(file.read(size), kinds[key], big)
    return _arrays(content, lambda key, _: storages[key])


def _persistent(identifier):
    """The storage that ("storage", type, key, device, count, part) speaks of."""
    word, kind, key, _, count, *part = identifier
    if word != "storage" or kind not in _TYPES.values():
        raise ValueError("its pickle speaks of something beside it, but not of numbers")
    if part and part[0] is not None:
        _, start, count = part[0]
        return _Storage(name(key), kind, count, start)
    return _Storage(name(key), kind, count)


def _stored(kind, big):
    kind = "u2" if kind == "bfloat16" else kind
    return np.dtype(kind).newbyteorder(">" if big else "<")


def _numbers(data, kind, big):
    numbers = np.frombuffer(data, _stored(kind, big))
    if kind == "bfloat16":
        # The upper half of a float32.
        return (numbers.astype("u4") << 16).view("f4")
    return numbers


def _arrays(content, numbers):
    """The arrays of a state dict; `numbers` gives those of a storage."""
    for place in _PLACES:
        if isinstance(content, dict) and isinstance(content.get(place), dict):
            content = content[place]
    if not isinstance(content, dict):
        raise ValueError("it holds no state dict")
    arrays = {
        str(key): _array(tensor, numbers(tensor.storage.key, tensor.storage.kind))
        for key, tensor in content.items()
        if isinstance(tensor, _Tensor)
    }
    if not arrays:
        raise ValueError("it holds no state dict")
    if all(key.startswith("module.") for key in arrays):
        # Of a model that was trained on several devices.
        arrays = {key.removeprefix("module."): x for key, x in arrays.items()}
    return arrays


def _array(tensor, numbers):
    """A view of a storage's numbers, which the file cannot make look beyond them."""
    storage = tensor.storage
    part = numbers[storage.start :][: storage.count]
    if len(part) != storage.count:
        raise ValueError(f"{len(part)} of {storage.count} numbers of {storage.key}")
    steps = [tensor.offset, *tensor.shape, *tensor.strides]
    if any(type(step) is not int or step < 0 for step in steps):
        raise ValueError("a tensor whose shape or strides are no counts")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, part.dtype)
    pairs = list(zip(tensor.shape, tensor.strides, strict=True))
    last = tensor.offset + sum((side - 1) * step for side, step in pairs)
    if last >= len(part):
        raise ValueError(f"a tensor reaches to {last} in {len(part)} numbers")
    strides = [step * part.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(
        part[tensor.offset :], tensor.shape, strides, writeable=False
    )
