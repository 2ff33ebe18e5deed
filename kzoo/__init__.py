"""kzoo: vision architectures as Keras models that train, are measured and ship.

    model = kzoo.models.retinanet(classes=3, backbone="mobilenet_v2")
    model.compile("adam")
    model.fit(kzoo.data.load("scenes", "train"))
    kzoo.predict(model, ["street.jpg"])

One convention holds everywhere: RGB pictures 0..255, channels last; boxes xyxy in
pixels; models give logits; `valid` says which of a fixed number of rows are real.
"""

import importlib
import os

if os.environ.get("TF_USE_LEGACY_KERAS", "0") not in ("", "0", "False", "false"):
    raise ImportError("kzoo needs Keras 3: unset TF_USE_LEGACY_KERAS, which asks for 2")

from kzoo.version import __version__

# Where each public name lives. Imported at first use, so that `import kzoo` costs
# no more than Keras and needs no TensorFlow.
_MODULES = ("data", "deploy", "draw", "models", "train", "weights")
_FUNCTIONS = {
    "build": "kzoo.models.registry",
    "load": "kzoo.saving",
    "predict": "kzoo.prediction",
    "save": "kzoo.saving",
}

__all__ = ["__version__", *_FUNCTIONS, *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"kzoo.{name}")
    if name == "build":
        # Listed once their files are imported.
        importlib.import_module("kzoo.models")
    if name in _FUNCTIONS:
        value = getattr(importlib.import_module(_FUNCTIONS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"kzoo has no {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return __all__
