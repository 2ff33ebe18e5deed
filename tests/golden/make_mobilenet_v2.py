"""python -m tests.golden.make_mobilenet_v2: torchvision's, timm's and Keras'."""

import keras
import timm
import torch
import torchvision

from tests.golden import draw, reference

LEVELS = {1: "C1", 3: "C2", 6: "C3", 13: "C4", 17: "C5"}


def from_torchvision():
    model = torchvision.models.mobilenet_v2()
    model, shapes = reference.with_drawn_weights(model)
    x = pictures = reference.tensor(draw.pictures(*draw.ODD))
    features = {}
    for number, layer in enumerate(model.features):
        x = layer(x)
        if number in LEVELS:
            features[LEVELS[number]] = reference.channels_last(x)
    version = f"torchvision {torchvision.__version__} mobilenet_v2"
    logits = model(pictures).numpy()
    name = "mobilenet_v2_torchvision"
    reference.write(name, version, shapes, logits, features)


def from_timm():
    model = timm.create_model("mobilenetv2_050")
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(*draw.ODD))
    reference.write(
        "mobilenet_v2_timm_50",
        f"timm {timm.__version__} mobilenetv2_050",
        shapes,
        model(pictures).numpy(),
        builder="mobilenet_v2_torchvision",
        arguments={"width": 0.5},
    )


def from_keras(width):
    model = keras.applications.MobileNetV2(
        alpha=width,
        weights=None,
        input_shape=(*draw.ODD[1:], 3),
        classifier_activation=None,
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD).astype("float32")
    pixels = keras.applications.mobilenet_v2.preprocess_input(pixels)
    logits = keras.ops.convert_to_numpy(model(pixels, training=False))
    version = f"keras {keras.__version__} applications.MobileNetV2(alpha={width})"
    name = "mobilenet_v2" if width == 1 else f"mobilenet_v2_{100 * width:.0f}"
    arguments = {} if width == 1 else {"width": width}
    reference.write(
        name, version, shapes, logits, builder="mobilenet_v2", arguments=arguments
    )


if __name__ == "__main__":
    with torch.inference_mode():
        from_torchvision()
        from_timm()
    for alpha in (1.0, 0.35):
        from_keras(alpha)
