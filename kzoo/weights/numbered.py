"""Layers that Keras numbered, since nobody had named them: conv2d, conv2d_1, ...

The count goes on from whatever was built before, so that only their order says which
is which.
"""

import re

import numpy as np

# Keras 1 wrote some of the files, with longer words.
_CONVOLUTION = "conv2d|convolution2d"
_NORMALIZATION = "batch_normalization|batchnormalization"


def convolutions(names):
    return _numbered(names, _CONVOLUTION)


def _numbered(names, word):
    """The layers called WORD or WORD_NUMBER among LAYER/VARIABLE, by number."""
    pattern = re.compile(rf"(?:{word})(?:_(\d+))?")
    layers = dict.fromkeys(name.rpartition("/")[0] for name in names)
    found = [layer for layer in layers if pattern.fullmatch(layer)]
    return sorted(found, key=lambda layer: int(pattern.fullmatch(layer)[1] or 0))


def with_gamma(arrays):
    """Our arrays, with gammas of 1 where a publisher's batch norms learn none."""
    norms = [name for name in arrays if name.endswith("_bn/beta")]
    ones = {
        name.replace("/beta", "/gamma"): np.ones_like(arrays[name]) for name in norms
    }
    return {**ones, **arrays}


def in_order(names, ours):
    """{'conv2d_4': 'stem_5_conv', 'batch_normalization_4': 'stem_5_bn', ...}, our
    layers without their endings given in the order in which theirs were made."""
    pairs = {}
    for word, ending in ((_CONVOLUTION, "conv"), (_NORMALIZATION, "bn")):
        layers = [f"{layer}_{ending}" for layer in ours]
        pairs |= dict(zip(_numbered(names, word), layers))
    return pairs
