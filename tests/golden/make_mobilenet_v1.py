"""python -m tests.golden.make_mobilenet_v1: Keras', timm's and transformers'.

Pictures of whole strides: of others Keras drops the last row, which its authors keep.
"""

import keras
import timm
import torch
import transformers
from transformers import MobileNetV1Config, MobileNetV1ForImageClassification

from tests.golden import draw, reference

SIZE = (64, 96)
# timm's stages end where a level does.
LEVELS = ("C1", "C2", "C3", "C4", "C5")
# Keras' block whose last activation is a level.
BLOCKS = {"C1": 1, "C2": 3, "C3": 5, "C4": 11, "C5": 13}


def from_keras(width):
    model = keras.applications.MobileNet(
        alpha=width,
        weights=None,
        input_shape=(*SIZE, 3),
        classifier_activation=None,
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    blocks = [model.get_layer(f"conv_pw_{i}_relu").output for i in BLOCKS.values()]
    pixels = draw.pictures(2, *SIZE).astype("float32")
    pixels = keras.applications.mobilenet.preprocess_input(pixels)
    outputs = keras.Model(model.input, [*blocks, model.output])(pixels, training=False)
    *features, logits = map(keras.ops.convert_to_numpy, outputs)
    reference.write(
        "mobilenet_v1" if width == 1 else f"mobilenet_v1_{100 * width:.0f}",
        f"keras {keras.__version__} applications.MobileNet(alpha={width})",
        shapes,
        logits,
        dict(zip(BLOCKS, features)),
        builder="mobilenet_v1",
        arguments={} if width == 1 else {"width": width},
        size=SIZE,
    )


def from_timm():
    model = timm.create_model("mobilenetv1_100")
    model, shapes = reference.with_drawn_weights(model)
    half = (0.5, 0.5, 0.5)
    pictures = reference.tensor(draw.pictures(*draw.ODD), half, half)
    x = model.bn1(model.conv_stem(pictures))
    features = {}
    for level, stage in zip(LEVELS, model.blocks):
        x = stage(x)
        features[level] = reference.channels_last(x)
    version = f"timm {timm.__version__} mobilenetv1_100"
    logits = model(pictures).numpy()
    reference.write("mobilenet_v1_timm", version, shapes, logits, features)


def from_transformers():
    """With the authors' 1001 classes, the first of which is for background."""
    config = MobileNetV1Config(num_labels=1001)
    model = MobileNetV1ForImageClassification(config)
    model, shapes = reference.with_drawn_weights(model)
    half = (0.5, 0.5, 0.5)
    logits = model(reference.tensor(draw.pictures(*draw.ODD), half, half)).logits
    reference.write(
        "mobilenet_v1_transformers",
        f"transformers {transformers.__version__} MobileNetV1ForImageClassification",
        shapes,
        logits[:, 1:].numpy(),
        builder="mobilenet_v1",
    )


if __name__ == "__main__":
    with torch.inference_mode():
        from_timm()
        from_transformers()
    for alpha in (1.0, 0.25):
        from_keras(alpha)
