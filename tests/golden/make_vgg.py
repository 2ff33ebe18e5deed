"""python -m tests.golden.make_vgg: torchvision's, timm's and keras.applications' VGGs.

torchvision's have no width; theirs are made here of its own parts, an eighth as wide.
The last hidden layers see the 7x7 that its average pooling makes of any picture.
"""

import keras
import timm
import torch
import torchvision
from torchvision.models import vgg

from tests.golden import draw, reference

WIDTH = 0.125
CONFIGURATIONS = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}


def from_torchvision(name, normalized):
    rows = vgg.cfgs[CONFIGURATIONS[name]]
    narrow = [x if x == "M" else round(x * WIDTH) for x in rows]
    units = round(4096 * WIDTH)
    model = vgg.VGG(vgg.make_layers(narrow, batch_norm=normalized))
    model.classifier[0] = torch.nn.Linear(narrow[-2] * 49, units)
    model.classifier[3] = torch.nn.Linear(units, units)
    model.classifier[6] = torch.nn.Linear(units, 1000)
    model, shapes = reference.with_drawn_weights(model)
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    features, level = {}, 0
    for layer in model.features:
        if isinstance(layer, torch.nn.MaxPool2d):
            if level:
                features[f"C{level}"] = reference.channels_last(x)
            level += 1
        x = layer(x)
    features["C5"] = reference.channels_last(x)
    ours = f"{name}_bn" if normalized else name
    builder = f"{ours}_torchvision" if ours in ("vgg16", "vgg19") else ours
    version = f"torchvision {torchvision.__version__} {ours}, {WIDTH} wide"
    reference.write(
        builder,
        version,
        shapes,
        model(pictures).numpy(),
        features,
        arguments={"width": WIDTH},
    )


def from_timm():
    """At 224 px, where its convolutions at the end see what a matrix does."""
    rows = vgg.cfgs["A"]
    narrow = [x if x == "M" else round(x * WIDTH) for x in rows]
    model = timm.models.vgg.VGG(narrow, mlp_ratio=1.0)
    units = model.pre_logits.fc1.out_channels
    model.pre_logits.fc1 = torch.nn.Conv2d(narrow[-2], round(4096 * WIDTH), 7)
    model.pre_logits.fc2 = torch.nn.Conv2d(round(4096 * WIDTH), round(4096 * WIDTH), 1)
    model.head.fc = torch.nn.Linear(round(4096 * WIDTH), 1000)
    assert units == 4096
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(2, 224, 224))
    reference.write(
        "vgg11_timm",
        f"timm {timm.__version__} vgg11, {WIDTH} wide",
        shapes,
        model(pictures).numpy(),
        builder="vgg11",
        arguments={"width": WIDTH},
        size=(224, 224),
    )


def from_keras(name):
    model = getattr(keras.applications, name.upper())(
        weights=None, input_shape=(*draw.ODD[1:], 3), classifier_activation=None
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD).astype("float32")
    pixels = getattr(keras.applications, name).preprocess_input(pixels)
    last = model.layers[-1].output
    levels = {f"C{k}": f"block{k + 1}_pool" for k in range(1, 5)}
    inputs = {k: model.get_layer(pool).input for k, pool in levels.items()}
    inputs["C5"] = model.get_layer("block5_pool").output
    outputs = keras.Model(model.input, {**inputs, "logits": last})(pixels)
    outputs = {k: keras.ops.convert_to_numpy(x) for k, x in outputs.items()}
    version = f"keras {keras.__version__} applications.{name.upper()}"
    reference.write(name, version, shapes, outputs.pop("logits"), outputs)


if __name__ == "__main__":
    with torch.inference_mode():
        for network in CONFIGURATIONS:
            from_torchvision(network, normalized=False)
            from_torchvision(network, normalized=True)
        from_timm()
    for network in ("vgg16", "vgg19"):
        from_keras(network)
