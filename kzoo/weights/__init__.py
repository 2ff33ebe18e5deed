"""Published weights: files that others trained, loaded into our models.

    model = kzoo.models.resnet50(weights="imagenet")
    kzoo.weights.names(model)  # which sets there are
    kzoo.weights.load(model, "resnet50.safetensors")
    kzoo.weights.load_backbone(detector, "imagenet")

A set is a row of a family (`families`); `download` brings its file here, a reader
takes it to {name: array} (`readers`), a layout takes the names and the shapes of one
publisher to ours. Nothing is loaded in part without a word.
"""

from kzoo.weights.catalogue import class_names, names, table
from kzoo.weights.families import sets
from kzoo.weights.loading import Report, load, load_backbone

__all__ = [
    "Report",
    "class_names",
    "load",
    "load_backbone",
    "names",
    "sets",
    "table",
]
