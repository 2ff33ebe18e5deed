"""python -m tests.golden.make_inception_v3: Keras', torchvision's and timm's."""

import keras
import timm
import torch
import torchvision

from tests.golden import draw, reference

# What gives a level in keras.applications; convolutions are named by their number.
KERAS = {"C1": 2, "C2": 4, "C3": "mixed2", "C4": "mixed7", "C5": "mixed10"}
TORCH = {
    "C1": "Conv2d_2b_3x3",
    "C2": "Conv2d_4a_3x3",
    "C3": "Mixed_5d",
    "C4": "Mixed_6e",
    "C5": "Mixed_7c",
}
# From 107 pixels on the auxiliary head has something to see; its 5x5 filter fits from
# 299 on.
SIZE = (2, 107, 139)


def from_keras():
    model = keras.applications.InceptionV3(
        weights=None, input_shape=(*SIZE[1:], 3), classifier_activation=None
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*SIZE).astype("float32")
    pixels = keras.applications.inception_v3.preprocess_input(pixels)
    activations = [x for x in model.layers if type(x) is keras.layers.Activation]
    activations.sort(key=lambda x: int(x.name.partition("_")[2] or 0))
    tensors = [
        (model.get_layer(x) if isinstance(x, str) else activations[x]).output
        for x in KERAS.values()
    ]
    whole = keras.Model(model.input, [*tensors, model.output])
    *levels, logits = map(keras.ops.convert_to_numpy, whole(pixels, training=False))
    version = f"keras {keras.__version__} applications.InceptionV3"
    features = dict(zip(KERAS, levels))
    reference.write("inception_v3", version, shapes, logits, features, size=SIZE[1:])


def with_features(model, pictures):
    """(logits, {level: its tensor}) of a torch model."""
    features = {}
    for level, name in TORCH.items():
        getattr(model, name).register_forward_hook(
            lambda _, __, x, level=level: features.update(
                {level: reference.channels_last(x)}
            )
        )
    return model(pictures).numpy(), features


def from_torchvision():
    model = torchvision.models.inception_v3(
        transform_input=True, aux_logits=True, init_weights=False
    )
    # Its file has the auxiliary head's weights as well; ours without one skips them.
    model, shapes = reference.with_drawn_weights(model)
    logits, features = with_features(model, reference.tensor(draw.pictures(*SIZE)))
    name = "inception_v3_torchvision"
    version = f"torchvision {torchvision.__version__} inception_v3"
    reference.write(name, version, shapes, logits, features, size=SIZE[1:])


def from_timm():
    model, shapes = reference.with_drawn_weights(timm.create_model("inception_v3"))
    pictures = draw.pictures(*SIZE)
    version = f"timm {timm.__version__} inception_v3"
    logits = model(reference.tensor(pictures)).numpy()
    reference.write("inception_v3_gluon", version, shapes, logits, size=SIZE[1:])


if __name__ == "__main__":
    from_keras()
    with torch.inference_mode():
        from_torchvision()
        from_timm()
