"""python -m tests.golden.make_resnet: torchvision's and keras.applications' ResNets."""

import keras
import torch
import torchvision
from torch.nn import functional

from tests.golden import draw, reference

TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
KERAS = ("ResNet50", "ResNet101", "ResNet152")


def from_torchvision(name):
    model = getattr(torchvision.models, name)()
    write_resnet(name, f"torchvision {torchvision.__version__} {name}", model)


def write_resnet(name, version, model):
    """Of a torch module with the layers of torchvision's ResNet."""
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(*draw.ODD))
    x = functional.relu(model.bn1(model.conv1(pictures)))
    features = {"C1": reference.channels_last(x)}
    x = model.maxpool(x)
    for level in range(2, 6):
        x = getattr(model, f"layer{level - 1}")(x)
        features[f"C{level}"] = reference.channels_last(x)
    reference.write(name, version, shapes, model(pictures).numpy(), features)


def from_keras(name):
    builder = getattr(keras.applications, name)
    shape = (*draw.ODD[1:], 3)
    model = builder(weights=None, input_shape=shape, classifier_activation=None)
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD).astype("float32")
    pixels = keras.applications.resnet.preprocess_input(pixels)
    logits = model(pixels, training=False)
    version = f"keras {keras.__version__} applications.{name}"
    ours = f"{name.lower()}_v1"
    reference.write(ours, version, shapes, keras.ops.convert_to_numpy(logits))


if __name__ == "__main__":
    with torch.inference_mode():
        for network in TORCHVISION:
            from_torchvision(network)
    for network in KERAS:
        from_keras(network)
