"""Keras' files: .h5 of Keras 1 and 2, .weights.h5 and .keras of Keras 3.

The first store names, as keras.applications' files do; the others number a layer's
variables, and the names follow from its kind.
"""

import io
import re
import zipfile

import h5py

from kzoo.weights.readers.limits import check_archive, check_size

_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
# Variables of a kind of layer in their order, by how many there are.
_KINDS = {
    "batch_normalization": {
        # Without gamma or without both, as Inception v3 has it.
        3: ("beta", "moving_mean", "moving_variance"),
        2: ("moving_mean", "moving_variance"),
        4: _NORMALIZATION,
    },
    "group_normalization": {2: ("gamma", "beta")},
    "layer_normalization": {2: ("gamma", "beta")},
    "separable_conv2d": {
        2: ("depthwise_kernel", "pointwise_kernel"),
        3: ("depthwise_kernel", "pointwise_kernel", "bias"),
    },
    "conv2d": {1: ("kernel",), 2: ("kernel", "bias")},
    "depthwise_conv2d": {1: ("kernel",), 2: ("kernel", "bias")},
    "grouped_conv2d": {1: ("kernel",), 2: ("kernel", "bias")},
    "conv2d_transpose": {1: ("kernel",), 2: ("kernel", "bias")},
    "dense": {1: ("kernel",), 2: ("kernel", "bias")},
    "partial_conv2d": {2: ("kernel", "bias")},
    "sub_sampling": {2: ("kernel", "bias")},
    "squared_distances": {1: ("kernel",)},
    "absolute_distances": {1: ("kernel",)},
    "votes": {1: ("kernel",)},
}
# Keras 1 had other words; its "std" was a variance.
_OLD_VARIABLES = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
}
_AUTOMATIC = re.compile(
    r"(conv2d|batch_normalization|dense|depthwise_conv2d|separable_conv2d)(?:_(\d+))?"
)


def read_h5(path):
    """{"LAYER/VARIABLE": array, ...} of any of Keras' HDF5 files.

    Variables of a kind of layer that is not known here have their number for a name.
    Layers that Keras named by itself are numbered anew: conv2d, conv2d_1, ...
    """
    with h5py.File(path) as file:
        check_size(path, _size(file))
        return _read(file, path)


def read_archive(path):
    """As `read_h5`, of a .keras archive; what else is in it stays closed."""
    with zipfile.ZipFile(path) as archive:
        check_archive(path, archive)
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        check_size(path, _size(file))
        return _read(file, path)


def _read(file, path):
    root = file["model_weights"] if "model_weights" in file else file
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        triples = _named(root)
    else:
        triples = _numbered(file)
    arrays, rows, size = {}, [], 0
    for layer, variable, array in triples:
        rows.append((layer, variable, array))
        size += array.nbytes
        check_size(path, size)  # one that many names point to
    renamed = _renumbered(layer for layer, _, _ in rows)
    for layer, variable, array in rows:
        name = f"{renamed.get(layer, layer)}/{variable}"
        if name in arrays:
            raise ValueError(f"two weights are called {name}")
        arrays[name] = array
    return arrays


def _size(file):
    """Bytes of all numbers, and a refusal of those that lie in other files."""
    sizes = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{name} points to another file")
            sizes.append(item.size * item.dtype.itemsize)

    file.visititems(visit)
    return sum(sizes)


def _named(root):
    """(layer, variable, array) of a file with names."""
    for layer in _strings(root, "layer_names"):
        group = _item(root, layer)
        names = _strings(group, "weight_names")
        owners = {name.rpartition("/")[0] for name in names}
        pointwise = any("pointwise_kernel" in name for name in names)
        for name in names:
            owner, _, variable = name.partition(":")[0].rpartition("/")
            # A model within a model is one group of many layers.
            owner = owner if len(owners) > 1 else layer
            variable = _variable(variable)
            if variable == "depthwise_kernel" and not pointwise:
                variable = "kernel"
            yield owner.replace("/", "_"), variable, _item(group, name)[()]


def _variable(name):
    """'kernel', 'kernel_1' and Keras 1's 'conv1_W_1' -> 'kernel'."""
    name = re.sub(r"_\d+$", "", name)
    for end in ("W", "b", "running_mean", "running_std", "gamma", "beta"):
        if name.endswith(f"_{end}"):
            return _OLD_VARIABLES.get(end, end)
    return name


def _strings(group, name):
    """A list of names among the attributes; long ones are in parts, name0, name1 ..."""
    parts = [name] if name in group.attrs else []
    while f"{name}{len(parts)}" in group.attrs:
        parts.append(f"{name}{len(parts)}")
    texts = [text for part in parts for text in group.attrs[part]]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in texts]


def _item(group, name):
    """group[name], through no link to another file."""
    for part in name.split("/"):
        if isinstance(group.get(part, getlink=True), h5py.ExternalLink):
            raise ValueError(f"{name} points to another file")
        group = group[part]
    return group


def _numbered(file):
    """(layer, variable, array) of a file with numbers."""
    rows = []

    def visit(place, group):
        if not (place.endswith("/vars") and "name" in group.attrs):
            return
        kind = re.sub(r"_\d+$", "", place.split("/")[-2])
        numbers = [str(i) for i in range(len(group))]
        variables = _KINDS.get(kind, {}).get(len(group), numbers)
        for number, variable in zip(numbers, variables):
            rows.append((str(group.attrs["name"]), variable, _item(group, number)[()]))

    file.visititems(visit)
    return rows


def _renumbered(layers):
    """{layer: name} where Keras chose the names, which count on from model to model."""
    numbers = {}
    for layer in dict.fromkeys(layers):
        found = _AUTOMATIC.fullmatch(layer)
        if found:
            numbers.setdefault(found[1], []).append((int(found[2] or 0), layer))
    renamed = {}
    for kind, pairs in numbers.items():
        for i, (_, layer) in enumerate(sorted(pairs)):
            renamed[layer] = f"{kind}_{i}" if i else kind
    return renamed
