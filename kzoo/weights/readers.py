"""From a file to {name: NumPy array}. Nothing in a file can run code.

A new kind of file is one function here and one row of `READERS`.
"""

import pathlib

import numpy as np

from kzoo import saving

# The variables of a Keras layer, in the order of its file.
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
_OTHERS = ("kernel", "bias")


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
    for ending, reader in READERS.items():
        if path.name.endswith(ending):
            try:
                return reader(path)
            except Exception as error:
                raise ValueError(f"{path} cannot be read: {error}") from error
    raise ValueError(
        f"kzoo cannot read {path}; it reads {', '.join(READERS)} and model folders"
    )


def read_npz(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def read_safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


def read_keras(path):
    """{"LAYER/kernel": array, ...} of what Keras 3's `save_weights` wrote.

    The file numbers a layer's variables; the names follow from its kind.
    """
    import h5py

    arrays = {}

    def collect(place, group):
        if not (place.endswith("/vars") and "name" in group.attrs):
            return
        kind = place.split("/")[-2]
        is_norm = kind.startswith(("batch_normalization", "group_normalization"))
        variables = _NORMALIZATION if is_norm else _OTHERS
        for number, variable in enumerate(variables[: len(group)]):
            arrays[f"{group.attrs['name']}/{variable}"] = group[str(number)][()]

    with h5py.File(path) as file:
        file.visititems(collect)
    return arrays


READERS = {
    ".npz": read_npz,
    ".safetensors": read_safetensors,
    ".weights.h5": read_keras,
}
