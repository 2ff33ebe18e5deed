"""python -m tests.golden.make_auxiliary: the heads that help Inceptions to learn.

Needs what make_googlenet needs. Writes auxiliary/NAME.npz for
tests/models/test_inception.py.
"""

import json
import pathlib

import numpy as np
import torch
import torchvision

from tests.golden import caffe, draw, make_googlenet, reference

FOLDER = pathlib.Path(__file__).parent / "auxiliary"


def write(name, version, shapes, size, heads):
    about = {
        "reference": version,
        "size": [size, size],
        "shapes": {key: list(shape) for key, shape in shapes.items()},
    }
    FOLDER.mkdir(exist_ok=True)
    heads = {head: np.asarray(x, "float32") for head, x in heads.items()}
    np.savez_compressed(
        FOLDER / f"{name}.npz", about=np.array(json.dumps(about)), **heads
    )
    print(name, version, {head: x.shape for head, x in heads.items()})


def from_caffe():
    data = make_googlenet.bgr(draw.pictures(1, 224, 224))
    shapes, blobs = caffe.run(make_googlenet.prototxt("train_val"), data)
    numbers = {"auxiliary1": 1, "auxiliary2": 2, "logits": 3}
    heads = {head: blobs[f"loss{i}/classifier"] for head, i in numbers.items()}
    version = "BVLC/caffe 9b89154, models/bvlc_googlenet, train_val"
    write("googlenet", version, shapes, 224, heads)


def from_torchvision(name, builder, size, heads):
    """`heads`: {ours: (its module there, the module that feeds it)}."""
    model = getattr(torchvision.models, builder)(
        transform_input=True, aux_logits=True, init_weights=False
    )
    model, shapes = reference.with_drawn_weights(model)
    answers = {}
    for head, (there, before) in heads.items():
        getattr(model, before).register_forward_hook(
            lambda _, __, x, head=head, there=there: answers.update(
                {head: getattr(model, there)(x)}
            )
        )
    answers["logits"] = model(reference.tensor(draw.pictures(1, size, size)))
    version = f"torchvision {torchvision.__version__} {builder}"
    write(name, version, shapes, size, answers)


if __name__ == "__main__":
    with torch.inference_mode():
        from_caffe()
        from_torchvision(
            "googlenet_torchvision",
            "googlenet",
            224,  # Leaves 14x14, of which adaptive pooling's windows overlap.
            {
                "auxiliary1": ("aux1", "inception4a"),
                "auxiliary2": ("aux2", "inception4d"),
            },
        )
        from_torchvision(
            "inception_v3_torchvision",
            "inception_v3",
            299,
            {"auxiliary1": ("AuxLogits", "Mixed_6e")},
        )
