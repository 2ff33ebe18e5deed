"""python -m tests.golden.make_inception_resnet: timm's, Keras' and FaceNet's.

Needs models/inception_resnet_v1.py of https://github.com/timesler/facenet-pytorch on
the path, without the lines that import a downloader.
"""

import keras
import timm
import torch
from inception_resnet_v1 import InceptionResnetV1

from tests.golden import draw, reference

V2 = {
    "C1": "conv2d_2b",
    "C2": "conv2d_4a",
    "C3": "repeat",
    "C4": "repeat_1",
    "C5": "conv2d_7b",
}
V1 = {
    "C1": "conv2d_2b",
    "C2": "conv2d_4a",
    "C3": "repeat_1",
    "C4": "repeat_2",
    "C5": "block8",
}
SIZE = (2, 107, 139)
HALF = (0.5, 0.5, 0.5)


def with_features(model, pictures, levels):
    """(logits, {level: its tensor}) of a torch model."""
    features = {}
    for level, name in levels.items():
        getattr(model, name).register_forward_hook(
            lambda _, __, x, level=level: features.update(
                {level: reference.channels_last(x)}
            )
        )
    return model(pictures).numpy(), features


def from_timm():
    model = timm.create_model("inception_resnet_v2")
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(*SIZE), HALF, HALF)
    logits, features = with_features(model, pictures, V2)
    version = f"timm {timm.__version__} inception_resnet_v2"
    name = "inception_resnet_v2"
    reference.write(name, version, shapes, logits, features, size=SIZE[1:])


def from_keras():
    model = keras.applications.InceptionResNetV2(
        weights=None, input_shape=(*SIZE[1:], 3), classifier_activation=None
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*SIZE).astype("float32")
    pixels = keras.applications.inception_resnet_v2.preprocess_input(pixels)
    logits = keras.ops.convert_to_numpy(model(pixels, training=False))
    reference.write(
        "inception_resnet_v2_keras",
        f"keras {keras.__version__} applications.InceptionResNetV2",
        shapes,
        logits,
        builder="inception_resnet_v2",
        size=SIZE[1:],
    )


def face_pictures():
    """FaceNet's (pixels - 127.5) / 128."""
    return reference.tensor(draw.pictures(*SIZE), 127.5 / 255, 128 / 255)


def from_facenet():
    model = InceptionResnetV1(classify=True, num_classes=1000)
    model, shapes = reference.with_drawn_weights(model)
    pictures = face_pictures()
    logits, features = with_features(model, pictures, V1)
    version = "timesler/facenet-pytorch 787da06"
    name = "inception_resnet_v1"
    reference.write(name, version, shapes, logits, features, size=SIZE[1:])


def from_facenet_as_the_paper():
    """Its blocks: five of the last kind and the classes behind the pooling."""
    model = InceptionResnetV1(classify=True, num_classes=1000)
    model.block8 = torch.nn.Identity()
    model.last_linear = model.last_bn = torch.nn.Identity()
    model.logits = torch.nn.Linear(1792, 1000)
    model, shapes = reference.with_drawn_weights(model)
    pictures = face_pictures()
    logits, features = with_features(model, pictures, {**V1, "C5": "repeat_3"})
    version = "timesler/facenet-pytorch 787da06, its last block and embedding left out"
    name = "inception_resnet_v1_paper"
    reference.write(name, version, shapes, logits, features, size=SIZE[1:])
    trainable = sum(weight.numel() for weight in model.parameters())
    print(f"{trainable} trainable weights")


if __name__ == "__main__":
    with torch.inference_mode():
        from_timm()
        from_facenet()
        from_facenet_as_the_paper()
    from_keras()
