"""python -m tests.golden.make_densenet: torchvision's, Keras', the authors' for CIFAR.

The authors' networks are Lua, models/densenet.lua and DenseConnectLayer.lua of
liuzhuang13/DenseNet, read here line by line.
"""

import keras
import torch
import torchvision
from torch.nn import functional

from tests.golden import draw, reference
from tests.golden.reading import Reading

CIFAR_SIZE = (21, 30)


def from_torchvision(name, model):
    model, shapes = reference.with_drawn_weights(model)
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    levels = {"relu0": "C1", "denseblock1": "C2", "denseblock2": "C3"}
    levels |= {"denseblock3": "C4"}
    features = {}
    for part, layer in model.features.named_children():
        x = layer(x)
        if part in levels:
            features[levels[part]] = reference.channels_last(x)
    features["C5"] = reference.channels_last(functional.relu(x))
    version = f"torchvision {torchvision.__version__} densenet"
    reference.write(name, version, shapes, model(pictures).numpy(), features)


def from_keras(name):
    builder = getattr(keras.applications, name)
    shape = (*draw.ODD[1:], 3)
    model = builder(weights=None, input_shape=shape, classifier_activation=None)
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD).astype("float32")
    pixels = keras.applications.densenet.preprocess_input(pixels)
    logits = keras.ops.convert_to_numpy(model(pixels, training=False))
    version = f"keras {keras.__version__} applications.{name}"
    ours = name.lower()
    reference.write(f"{ours}_keras", version, shapes, logits, builder=ours)


def from_lua(depth, growth):
    """createModel with opt.bottleneck, opt.reduction = 0.5, opt.dropRate = 0."""
    net, features = Reading(), {}
    channels = 2 * growth
    x = reference.tensor(draw.pictures(2, *CIFAR_SIZE))
    x = net.conv(x, channels, 3, 1, "stem")
    for stage in (1, 2, 3):
        for i in range(1, (depth - 4) // 3 // 2 + 1):
            name = f"stage{stage}_layer{i}"
            y = net.conv(net.activate(x, f"{name}_1"), 4 * growth, 1, 1, f"{name}_1")
            y = net.conv(net.activate(y, f"{name}_2"), growth, 3, 1, f"{name}_2")
            x = torch.cat([x, y], 1)
        if stage > 1:
            features[f"C{stage - 1}"] = reference.channels_last(x)
        if stage < 3:
            name = f"stage{stage}_transition"
            x = net.conv(net.activate(x, name), x.shape[1] // 2, 1, 1, name)
            x = functional.avg_pool2d(x, 2)
    x = net.activate(x, "post")
    features["C2"] = reference.channels_last(x)
    source = "liuzhuang13/DenseNet models/densenet.lua, read by hand"
    name = f"densenet_bc{depth}_{growth}_cifar"
    logits = net.logits(x, 10).numpy()
    reference.write(name, source, net.shapes, logits, features, size=CIFAR_SIZE)


if __name__ == "__main__":
    with torch.inference_mode():
        for number in (121, 169, 201):
            network = getattr(torchvision.models, f"densenet{number}")()
            from_torchvision(f"densenet{number}", network)
        deepest = torchvision.models.DenseNet(32, (6, 12, 64, 48), 64)
        from_torchvision("densenet264", deepest)
        for row in ((100, 12), (250, 24), (190, 40)):
            from_lua(*row)
    for number in (121, 169, 201):
        from_keras(f"DenseNet{number}")
