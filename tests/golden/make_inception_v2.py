"""python -m tests.golden.make_inception_v2: Cadene's BN-Inception.

Needs pretrainedmodels/models/bninception.py of
https://github.com/Cadene/pretrained-models.pytorch on the path.
"""

import numpy as np
import torch
from bninception import BNInception

from tests.golden import draw, reference

LEVELS = {"C1": "conv1_relu_7x7", "C2": "conv2_relu_3x3"}
# The reference fits together where no strided module sees odd sides.
SIZE = (2, 101, 133)
MEAN_BGR = (104, 117, 128)


def main():
    model, shapes = reference.with_drawn_weights(BNInception())
    pixels = draw.pictures(*SIZE)[..., ::-1].astype("float32") - np.float32(MEAN_BGR)
    x = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    features = {}
    for level, name in LEVELS.items():
        getattr(model, name).register_forward_hook(
            lambda _, __, y, level=level: features.update(
                {level: reference.channels_last(y)}
            )
        )
    last = model.features(x)
    features["C5"] = reference.channels_last(last)
    # Its own pooling takes pictures for squares.
    logits = model.last_linear(last.mean((2, 3))).numpy()
    version = "Cadene/pretrained-models.pytorch 8aae3d8, bninception"
    reference.write("inception_v2", version, shapes, logits, features, size=SIZE[1:])


if __name__ == "__main__":
    with torch.inference_mode():
        main()
