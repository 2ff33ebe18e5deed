"""Published weights: files that others trained, loaded into our models.

    kzoo.weights.load(model, "resnet50.safetensors")
    kzoo.weights.load_backbone(detector, "mobilenet_v2.npz")

A reader takes a file to {name: array} (`readers`); a layout takes the names and the
shapes of one publisher to ours (`families`, one module for each family of models).
Nothing is loaded in part without a word.
"""

from kzoo.weights.families import sets
from kzoo.weights.loading import Report, load, load_backbone

__all__ = ["Report", "load", "load_backbone", "sets"]
