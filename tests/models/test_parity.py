"""Our networks compute what independent ones do, given the same weights.

Both get drawn weights (`tests.golden.draw`), ours through the converter that users
get. This alone sees stride placement, padding, epsilon, order of channels or a missing
ReLU, which no count of weights does. Tolerance: 1e-4 of the largest absolute value
(measured: 1e-6; an epsilon of 1e-4 for 1e-5 gives 1e-3).
"""

import json

import keras
import pytest

from kzoo import models, weights
from tests.golden import draw, load
from tests.golden.draw import ODD

LEVELS = ("C1", "C2", "C3", "C4", "C5")


def drawn(golden):
    return draw.weights(json.loads(str(golden["shapes"])))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2_torchvision"])
def test_logits_and_features_are_torchvisions(name):
    golden = load(name)
    model = models.build(name, input_shape=(*ODD[1:], 3))
    weights.load(model, drawn(golden))
    features = models.build(name, classes=None, input_shape=(*ODD[1:], 3))
    weights.load(features, drawn(golden))
    pictures = draw.pictures(*ODD)
    draw.assert_close(model(pictures, training=False), golden["logits"])
    outputs = features(pictures, training=False)
    assert tuple(outputs) == LEVELS
    for level in LEVELS:
        draw.assert_close(draw.summary(outputs[level]), golden[level])


KERAS = {
    "resnet50_v1": (keras.applications.ResNet50, keras.applications.resnet),
    "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2),
}


@pytest.mark.parametrize("name", KERAS)
def test_logits_are_keras_applications(name):
    """Its pixels, padding, biases and epsilons too; no download."""
    builder, module = KERAS[name]
    shape = (75, 100, 3)
    reference = builder(weights=None, input_shape=shape, classifier_activation=None)
    arrays = draw.weights({w.path: w.shape for w in reference.weights})
    for weight in reference.weights:
        weight.assign(arrays[weight.path])
    model = models.build(name, input_shape=shape)
    weights.load(model, arrays)
    pictures = draw.pictures(2, 75, 100)
    pixels = module.preprocess_input(pictures.astype("float32"))
    draw.assert_close(
        model(pictures, training=False), reference(pixels, training=False)
    )
