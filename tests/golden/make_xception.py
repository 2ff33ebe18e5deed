"""python -m tests.golden.make_xception: keras.applications' and timm's."""

import keras
import timm
import torch

from tests.golden import draw, reference

LAST = {
    "C1": "block1_conv2_act",
    "C2": "add",
    "C3": "add_1",
    "C4": "add_10",
    "C5": "block14_sepconv2_act",
}
# Where all four poolings see odd sides, PyTorch pads as Keras' "same" does.
ODD_SIDES = (2, 71, 103)
HALF = (0.5, 0.5, 0.5)


def from_keras():
    model = keras.applications.Xception(
        weights=None, input_shape=(*draw.ODD[1:], 3), classifier_activation=None
    )
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD).astype("float32")
    pixels = keras.applications.xception.preprocess_input(pixels)
    # Keras numbers its additions; ours must not depend on what was built before.
    adds = [layer.name for layer in model.layers if layer.name.startswith("add")]
    names = {"add": adds[0], "add_1": adds[1], "add_10": adds[10]}
    places = [names.get(name, name) for name in LAST.values()]
    tensors = [model.get_layer(place).output for place in places]
    *levels, logits = keras.Model(model.input, [*tensors, model.output])(
        pixels, training=False
    )
    features = dict(zip(LAST, map(keras.ops.convert_to_numpy, levels)))
    version = f"keras {keras.__version__} applications.Xception"
    logits = keras.ops.convert_to_numpy(logits)
    reference.write("xception", version, shapes, logits, features)


def from_timm():
    model = timm.create_model("legacy_xception")
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(*ODD_SIDES), HALF, HALF)
    version = f"timm {timm.__version__} legacy_xception"
    reference.write(
        "xception_timm",
        version,
        shapes,
        model(pictures).numpy(),
        builder="xception",
        size=ODD_SIDES[1:],
    )


if __name__ == "__main__":
    from_keras()
    with torch.inference_mode():
        from_timm()
