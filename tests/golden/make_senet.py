"""python -m tests.golden.make_senet: timm's legacy SE networks, once the authors'."""

import timm
import torch

from tests.golden import draw, reference

NAMES = {
    "se_resnet50": "legacy_seresnet50",
    "se_resnext50_32x4d": "legacy_seresnext50_32x4d",
    "senet154": "legacy_senet154",
}


def make(name, theirs):
    model, shapes = reference.with_drawn_weights(timm.create_model(theirs))
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    features = {}
    for level in range(1, 6):
        x = getattr(model, f"layer{level - 1}")(x)
        features[f"C{level}"] = reference.channels_last(x)
        if level == 1:
            x = model.pool0(x)
    version = f"timm {timm.__version__} {theirs}"
    reference.write(name, version, shapes, model(pictures).numpy(), features)


if __name__ == "__main__":
    with torch.inference_mode():
        for ours, reference_name in NAMES.items():
            make(ours, reference_name)
