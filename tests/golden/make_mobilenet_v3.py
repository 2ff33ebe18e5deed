"""python -m tests.golden.make_mobilenet_v3: torchvision's, Keras' and timm's."""

import keras
import timm
import torch
import torchvision

from tests.golden import draw, reference

# The block whose output a level is, as torchvision counts; its 0 is the stem.
LEVELS = {
    "large": {1: "C1", 3: "C2", 6: "C3", 12: "C4", 15: "C5"},
    "small": {0: "C1", 1: "C2", 3: "C3", 8: "C4", 11: "C5"},
}
# The last block of each of timm's stages.
STAGES = {
    "large": ("C1", "C2", "C3", None, "C4", "C5"),
    "small": ("C2", "C3", None, "C4", "C5"),
}


def from_torchvision(size):
    model = getattr(torchvision.models, f"mobilenet_v3_{size}")()
    model, shapes = reference.with_drawn_weights(model)
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    features = {}
    for number, layer in enumerate(model.features):
        x = layer(x)
        if number in LEVELS[size]:
            features[LEVELS[size][number]] = reference.channels_last(x)
    reference.write(
        f"mobilenet_v3_{size}_torchvision",
        f"torchvision {torchvision.__version__} mobilenet_v3_{size}",
        shapes,
        model(pictures).numpy(),
        features,
    )


def from_keras(size, width):
    model = getattr(keras.applications, f"MobileNetV3{size.capitalize()}")(
        alpha=width,
        weights=None,
        input_shape=(*draw.ODD[1:], 3),
        classifier_activation=None,
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    # It scales pixels itself.
    logits = model(draw.pictures(*draw.ODD).astype("float32"), training=False)
    builder = f"mobilenet_v3_{size}"
    reference.write(
        builder if width == 1 else f"{builder}_{100 * width:.0f}",
        f"keras {keras.__version__} applications, {size}, alpha={width}",
        shapes,
        keras.ops.convert_to_numpy(logits),
        builder=builder,
        arguments={} if width == 1 else {"width": width},
    )


def from_timm(size, tag, builder, *scale, width=1.0):
    model, shapes = reference.with_drawn_weights(timm.create_model(tag))
    pictures = reference.tensor(draw.pictures(*draw.ODD), *scale)
    x = model.bn1(model.conv_stem(pictures))
    features = {"C1": reference.channels_last(x)} if size == "small" else {}
    for level, stage in zip(STAGES[size], model.blocks):
        x = stage(x)
        if level:
            features[level] = reference.channels_last(x)
    reference.write(
        f"{builder}_{tag}",
        f"timm {timm.__version__} {tag}",
        shapes,
        model(pictures).numpy(),
        features,
        builder=builder,
        arguments={} if width == 1 else {"width": width},
    )


if __name__ == "__main__":
    half = ((0.5,) * 3,) * 2
    small, own = "mobilenet_v3_small", "mobilenet_v3_small_torchvision"
    with torch.inference_mode():
        for which in ("small", "large"):
            from_torchvision(which)
        from_timm("small", "tf_mobilenetv3_small_100", small, *half)
        from_timm("small", "mobilenetv3_small_050", own, width=0.5)
        large = "mobilenet_v3_large"
        from_timm("large", "tf_mobilenetv3_large_075", large, *half, width=0.75)
    for which, alpha in (("small", 1.0), ("small", 1.25), ("large", 1.0)):
        from_keras(which, alpha)
