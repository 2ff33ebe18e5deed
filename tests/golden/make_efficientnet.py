"""python -m tests.golden.make_efficientnet: Keras', timm's and torchvision's.

The larger ones at half their width: the count of parameters proves the full one.
"""

import functools

import keras
import numpy as np
import timm
import torch
import torchvision
from keras.src.applications.efficientnet import EfficientNet
from torchvision.models.efficientnet import _efficientnet_conf

from tests.golden import draw, reference

# name: factors of channels and blocks as the paper has them, and our `width`.
SCALES = {
    "b0": (1.0, 1.0, 1.0),
    "b1": (1.0, 1.1, 1.0),
    "b2": (1.1, 1.2, 1.0),
    "b3": (1.2, 1.4, 1.0),
    "b4": (1.4, 1.8, 0.5),
    "b5": (1.6, 2.2, 0.5),
    "b6": (1.8, 2.6, 0.5),
    "b7": (2.0, 3.1, 0.5),
}
LEVELS = {0: "C1", 1: "C2", 2: "C3", 4: "C4", 6: "C5"}


def from_keras(scale):
    wider, deeper, width = SCALES[scale]
    model = EfficientNet(
        width * wider,
        deeper,
        224,
        weights=None,
        input_shape=(*draw.ODD[1:], 3),
        classifier_activation=None,
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = next(x for x in model.layers if isinstance(x, keras.layers.Normalization))
    pixels.adapt_mean.assign(np.reshape(reference.MEAN, pixels.adapt_mean.shape))
    variance = np.square(reference.DEVIATION)
    pixels.adapt_variance.assign(np.reshape(variance, pixels.adapt_variance.shape))
    pixels.finalize_state()
    logits = model(draw.pictures(*draw.ODD).astype("float32"), training=False)
    logits = keras.ops.convert_to_numpy(logits)
    version = f"keras {keras.__version__} applications.EfficientNet{scale.upper()}"
    name = f"efficientnet_{scale}"
    write(name, name, version, shapes, logits, width)


def from_timm():
    model = timm.create_model("tf_efficientnet_b0")
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(*draw.ODD))
    x, features = model.bn1(model.conv_stem(pictures)), {}
    for number, stage in enumerate(model.blocks):
        x = stage(x)
        if number in LEVELS:
            features[LEVELS[number]] = reference.channels_last(x)
    version = f"timm {timm.__version__} tf_efficientnet_b0"
    logits = model(pictures).numpy()
    write(
        "efficientnet_b0_timm",
        "efficientnet_b0",
        version,
        shapes,
        logits,
        1.0,
        features,
    )


def from_torchvision(scale):
    wider, deeper, width = SCALES[scale]
    width = 0.5 if scale == "b0" else width  # small enough for the quick tests
    setting, _ = _efficientnet_conf(
        f"efficientnet_{scale}", width_mult=width * wider, depth_mult=deeper
    )
    norm = torch.nn.BatchNorm2d
    if scale >= "b5":  # as torchvision's own builders have it
        norm = functools.partial(norm, eps=0.001, momentum=0.01)
    model = torchvision.models.EfficientNet(setting, 0.2, norm_layer=norm)
    model, shapes = reference.with_drawn_weights(model)
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    features = {}
    for number, layer in enumerate(model.features):
        x = layer(x)
        if number - 1 in LEVELS:
            features[LEVELS[number - 1]] = reference.channels_last(x)
    version = f"torchvision {torchvision.__version__} efficientnet_{scale}"
    logits = model(pictures).numpy()
    name = f"efficientnet_{scale}_torchvision"
    write(name, name, version, shapes, logits, width, features)


def write(name, builder, version, shapes, logits, width, features=None):
    if width == 1:
        arguments = {}
    else:
        arguments, version = {"width": width}, f"{version} at {width} of its width"
    reference.write(name, version, shapes, logits, features, builder, arguments)


if __name__ == "__main__":
    with torch.inference_mode():
        from_timm()
        for network in SCALES:
            from_torchvision(network)
    for network in SCALES:
        from_keras(network)
