"""python -m tests.golden.make_alexnet: Berkeley's Caffe networks, and torchvision's.

Needs a checkout of https://github.com/BVLC/caffe at CAFFE, and what `caffe` needs. The
networks are made an eighth as wide; the paper's constants of normalization are put in
for Berkeley's. Pictures are of 227x227: fc6 sees 6x6 positions, and no window lies half
outside, where Caffe would round the other way.
"""

import os
import pathlib

import torch
import torchvision

from tests.golden import caffe, draw, reference

WIDTH = 0.125
SIZE = (227, 227)
OURS = {
    **{f"conv{i}": f"stage{i}_conv" for i in range(1, 6)},
    "fc6": "head_fc6",
    "fc7": "head_fc7",
    "fc8": "logits",
}


def prototxt(network):
    folder = pathlib.Path(os.environ["CAFFE"]) / "models" / network
    text = (folder / "deploy.prototxt").read_text()
    return caffe.narrowed(text, WIDTH, classes=1000)


def write(name, network, shapes, blobs):
    levels = {"C2": "conv1", "C3": "conv2", "C4": "conv5", "C5": "pool5"}
    features = {k: reference.channels_last(blobs[b]) for k, b in levels.items()}
    version = f"BVLC/caffe 9b89154, models/{network}, {WIDTH} wide"
    logits = blobs["fc8"].numpy()
    arguments = {"width": WIDTH}
    reference.write(
        name, version, shapes, logits, features, arguments=arguments, size=SIZE
    )


def from_caffe(name, network):
    shapes, blobs = caffe.run(prototxt(network), caffe.bgr(draw.pictures(2, *SIZE)))
    write(name, network, shapes, blobs)


def with_the_papers_normalization():
    """Berkeley's network with 2 for 1, and an alpha that Caffe divides by 5."""
    text = prototxt("bvlc_alexnet")
    assert text.count("alpha: 0.0001") == 2
    text = text.replace("alpha: 0.0001", "alpha: 0.0005 k: 2.0")
    data = caffe.bgr(draw.pictures(2, *SIZE))
    shapes, blobs = caffe.run(text, data, OURS, positions={"fc6": (6, 6)})
    write("alexnet", "bvlc_alexnet with the paper's LRN", shapes, blobs)


def from_torchvision():
    model = torchvision.models.alexnet()
    narrow = {}
    for place, layer in enumerate(model.features):
        if isinstance(layer, torch.nn.Conv2d):
            inputs = 3 if layer.in_channels == 3 else round(layer.in_channels * WIDTH)
            outputs = round(layer.out_channels * WIDTH)
            narrow[place] = torch.nn.Conv2d(
                inputs,
                outputs,
                layer.kernel_size,
                layer.stride,
                layer.padding,
            )
    for place, layer in narrow.items():
        model.features[place] = layer
    units = round(4096 * WIDTH)
    model.classifier[1] = torch.nn.Linear(outputs * 36, units)
    model.classifier[4] = torch.nn.Linear(units, units)
    model.classifier[6] = torch.nn.Linear(units, 1000)
    model, shapes = reference.with_drawn_weights(model)
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    levels = {1: "C2", 4: "C3", 11: "C4", 12: "C5"}
    features = {}
    for place, layer in enumerate(model.features):
        # A ReLU in place would write over what is kept.
        x = torch.relu(x) if isinstance(layer, torch.nn.ReLU) else layer(x)
        if place in levels:
            features[levels[place]] = reference.channels_last(x)
    version = f"torchvision {torchvision.__version__} alexnet, {WIDTH} wide"
    reference.write(
        "alexnet_torchvision",
        version,
        shapes,
        model(pictures).numpy(),
        features,
        arguments={"width": WIDTH},
    )


if __name__ == "__main__":
    with torch.inference_mode():
        from_caffe("alexnet_bvlc", "bvlc_alexnet")
        from_caffe("caffenet", "bvlc_reference_caffenet")
        with_the_papers_normalization()
        from_torchvision()
