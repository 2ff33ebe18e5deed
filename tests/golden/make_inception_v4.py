"""python -m tests.golden.make_inception_v4: timm's."""

import timm
import torch

from tests.golden import draw, reference

LEVELS = {"C1": 2, "C2": 4, "C3": 9, "C4": 17, "C5": 21}
SIZE = (2, 107, 139)
HALF = (0.5, 0.5, 0.5)


def main():
    model, shapes = reference.with_drawn_weights(timm.create_model("inception_v4"))
    pictures = reference.tensor(draw.pictures(*SIZE), HALF, HALF)
    features, x = {}, pictures
    levels = {number: level for level, number in LEVELS.items()}
    for number, layer in enumerate(model.features):
        x = layer(x)
        if number in levels:
            features[levels[number]] = reference.channels_last(x)
    version = f"timm {timm.__version__} inception_v4"
    logits = model(pictures).numpy()
    reference.write("inception_v4", version, shapes, logits, features, size=SIZE[1:])


if __name__ == "__main__":
    with torch.inference_mode():
        main()
