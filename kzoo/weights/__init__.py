"""Published weights: files that others trained, loaded into our models.

    kzoo.weights.load(model, "resnet50.safetensors")
    kzoo.weights.load_backbone(detector, "mobilenet_v2.npz")

A reader takes a file to {name: array} (`readers`); a converter takes the names and
the layouts of one publisher to ours (`torchvision`, `keras_applications`, `folded`).
Nothing is loaded in part without a word.
"""

from kzoo.weights.loading import Report, load, load_backbone

__all__ = ["Report", "load", "load_backbone"]
