"""What the scripts make_*.py share: drawn weights into a reference, its answers out.

Needs what the reference needs; the tests that read the files need nothing of it.
"""

import json
import pathlib

import numpy as np

from tests.golden import draw

FOLDER = pathlib.Path(__file__).parent / "classification"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def write(
    name,
    reference,
    shapes,
    logits,
    features=None,
    builder=None,
    arguments=None,
    size=(),
):
    """Writes classification/NAME.npz, which tests/models/test_parity.py picks up.

    Args:
      reference: whose outputs these are, with its version.
      shapes: {name of a weight: shape} of the reference, for `draw.weights`.
      logits: (B, K) for draw.pictures(2, *size).
      features: {"C2": (B, H, W, C), ...} of the levels that our features model has.
      builder: ours, if not called `name`; arguments: of the builder, but input_shape.
      size: (H, W) of the pictures, draw.ODD's by default.
    """
    about = {
        "builder": builder or name,
        "arguments": arguments or {},
        "reference": reference,
        "size": list(size or draw.ODD[1:]),
        "shapes": {key: list(shape) for key, shape in shapes.items()},
    }
    levels = {k: draw.summary(x).astype("float32") for k, x in (features or {}).items()}
    FOLDER.mkdir(exist_ok=True)
    np.savez_compressed(
        FOLDER / f"{name}.npz",
        about=np.array(json.dumps(about)),
        logits=np.asarray(logits, "float32"),
        **levels,
    )
    print(name, about["reference"], logits.shape, list(levels))


def about(path):
    """What `write` was told of a golden file: builder, arguments, reference, ..."""
    with np.load(path) as golden:
        return json.loads(str(golden["about"]))


def with_drawn_weights(model):
    """(a torch module with weights of `draw`, {name: shape})."""
    import torch

    shapes = {name: tuple(x.shape) for name, x in model.state_dict().items()}
    drawn = draw.weights(shapes)
    model.load_state_dict({name: torch.from_numpy(x) for name, x in drawn.items()})
    return model.eval(), shapes


def tensor(pictures, mean=MEAN, deviation=DEVIATION):
    """Pictures as torchvision's weights want them, (B, 3, H, W)."""
    import torch

    scaled = (pictures.astype("float32") / 255 - mean) / deviation
    return torch.from_numpy(scaled.transpose(0, 3, 1, 2).astype("float32"))


def channels_last(x):
    """(B, C, H, W) of torch as (B, H, W, C) of NumPy."""
    return x.permute(0, 2, 3, 1).detach().numpy()


def keras_with_drawn_weights(model):
    """(a Keras model with weights of `draw`, {path: shape})."""
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    drawn = draw.weights(shapes)
    for weight in model.weights:
        weight.assign(drawn[weight.path])
    return model, shapes
