"""Caffe's .caffemodel: a NetParameter in protobuf's wire format.

Only the fields that hold weights are read. Their numbers are from caffe.proto; both
generations of layers (V1 until 2014) and of blobs (four sides until then) exist.
"""

import pathlib

import numpy as np

_OLD_LAYERS, _LAYERS = 2, 100  # in a NetParameter
_INNER_PRODUCT = (14, b"InnerProduct")


def read_caffe(path):
    """{"LAYER/0": array, ...}: a layer's blobs in order, weights and then bias."""
    arrays = {}
    for number, value in _fields(memoryview(pathlib.Path(path).read_bytes())):
        if number in (_OLD_LAYERS, _LAYERS):
            old = number == _OLD_LAYERS
            name, blobs = _layer(value, old)
            for i, blob in enumerate(blobs):
                arrays[f"{name}/{i}"] = blob
    if not arrays:
        raise ValueError("no layer in it has weights")
    return arrays


def _layer(message, old):
    fields = _gathered(message)
    name_at, kind_at, blobs_at = (4, 5, 6) if old else (1, 2, 7)
    if name_at not in fields:
        raise ValueError("a layer without a name, as Caffe had them before July 2013")
    kind = fields.get(kind_at, [0])[-1]
    kind = kind if isinstance(kind, int) else bytes(kind)
    name = bytes(fields[name_at][-1]).decode()
    blobs = fields.get(blobs_at, [])
    return name, [_blob(b, kind in _INNER_PRODUCT, i) for i, b in enumerate(blobs)]


def _blob(message, is_inner_product, position):
    fields = _gathered(message)
    data = _numbers(fields.get(5, []), "<f4")
    if not len(data):
        data = _numbers(fields.get(8, []), "<f8")
    if 7 in fields:
        return data.reshape(_sides(fields[7][-1]))
    sides = [fields.get(side, [1])[-1] for side in (1, 2, 3, 4)]
    # Four sides for all: a bias is (1, 1, 1, out), a matrix (1, 1, out, in).
    if position > 0:
        return data.reshape(-1)
    return data.reshape(sides[2:] if is_inner_product else sides)


def _sides(message):
    """A BlobShape's `dim`, packed or not."""
    sides = []
    for value in _gathered(message).get(1, []):
        sides += [value] if isinstance(value, int) else list(_varints(value))
    return sides


def _numbers(parts, kind):
    return np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), kind)


def _gathered(message):
    """{number of a field: [its values]}."""
    fields = {}
    for number, value in _fields(message):
        fields.setdefault(number, []).append(value)
    return fields


def _fields(message):
    """(number, value) of each field: an int, or the bytes of anything else."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == 2:
            size, position = _varint(message, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"no caffemodel: wire type {wire} at byte {position}")
        if position + size > len(message):
            raise ValueError("a caffemodel that ends too early, or none")
        yield number, message[position : position + size]
        position += size


def _varints(message):
    position = 0
    while position < len(message):
        value, position = _varint(message, position)
        yield value


def _varint(message, position):
    """(value, the position behind it) of an integer in groups of 7 bits."""
    value = 0
    for i, byte in enumerate(message[position : position + 10]):
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, position + i + 1
    raise ValueError("a caffemodel that ends too early, or none")
