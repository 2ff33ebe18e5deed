"""python -m tests.golden.make_googlenet: Berkeley's Caffe file, and torchvision's.

Needs a checkout of https://github.com/BVLC/caffe at CAFFE, and what `caffe` needs.
"""

import os
import pathlib

import numpy as np
import torch
import torchvision

from tests.golden import caffe, draw, reference

MEAN_BGR = (104, 117, 123)
LEVELS = {
    "C1": "conv1/7x7_s2",
    "C2": "conv2/norm2",
    "C3": "inception_3b/output",
    "C4": "inception_4e/output",
    "C5": "inception_5b/output",
}
TORCHVISION_LEVELS = {
    "C1": "conv1",
    "C2": "conv3",
    "C3": "inception3b",
    "C4": "inception4e",
    "C5": "inception5b",
}


def prototxt(name):
    folder = pathlib.Path(os.environ["CAFFE"]) / "models" / "bvlc_googlenet"
    return (folder / f"{name}.prototxt").read_text()


def bgr(pictures):
    pixels = pictures[..., ::-1].astype("float32") - np.float32(MEAN_BGR)
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())


def from_caffe():
    # 7x7 is the whole of the last grid at 224 pixels alone.
    text = prototxt("deploy")
    old = "pool: AVE\n    kernel_size: 7\n    stride: 1"
    assert old in text
    text = text.replace(old, "pool: AVE\n    global_pooling: true")
    shapes, blobs = caffe.run(text, bgr(draw.pictures(*draw.ODD)))
    features = {
        level: reference.channels_last(blobs[blob]) for level, blob in LEVELS.items()
    }
    logits = blobs["loss3/classifier"].numpy()
    version = "BVLC/caffe 9b89154, models/bvlc_googlenet"
    reference.write("googlenet", version, shapes, logits, features)


def from_torchvision():
    model = torchvision.models.googlenet(
        transform_input=True, aux_logits=True, init_weights=False
    )
    model, shapes = reference.with_drawn_weights(model)
    features = {}
    for level, name in TORCHVISION_LEVELS.items():
        getattr(model, name).register_forward_hook(
            lambda _, __, x, level=level: features.update(
                {level: reference.channels_last(x)}
            )
        )
    logits = model(reference.tensor(draw.pictures(*draw.ODD))).numpy()
    version = f"torchvision {torchvision.__version__} googlenet"
    name = "googlenet_torchvision"
    reference.write(name, version, shapes, logits, features)


if __name__ == "__main__":
    with torch.inference_mode():
        from_caffe()
        from_torchvision()
