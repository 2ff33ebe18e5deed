"""Our layers give the same in a TFLite and an ONNX file as in Keras."""

import keras
import numpy as np
import pytest
from keras import layers

from kzoo import deploy
from kzoo.models.base import Model
from kzoo.models.layers.adaptive_pooling import AdaptiveAveragePooling2D
from kzoo.models.layers.channel_shuffle import ChannelShuffle
from kzoo.models.layers.fractional_pooling import FractionalMaxPooling2D
from kzoo.models.layers.grouped_conv import GroupedConv2D
from kzoo.models.layers.local_response_normalization import LocalResponseNormalization
from kzoo.models.layers.maxout import Maxout
from kzoo.models.layers.rrelu import RReLU
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    images = keras.Input((25, 31, 3), name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = layers.Conv2D(8, 3, name="first")(x)
    x = ChannelShuffle(4, name="shuffle")(x)
    x = GroupedConv2D(8, 3, groups=2, padding="same", name="grouped")(x)
    x = LocalResponseNormalization(alpha=0.3, k=0.5, name="norm")(x)
    x = RReLU(name="rrelu")(x)
    x = FractionalMaxPooling2D(seed=3, name="fractional")(x)
    x = Maxout(2, name="maxout")(x)
    x = AdaptiveAveragePooling2D(3, name="adaptive")(x)
    logits = layers.Dense(4, name="logits")(layers.Flatten(name="flatten")(x))
    model = Model(images, logits, name="layers")
    model.task = Classification(4)
    return model


@pytest.mark.parametrize("name", ["tflite_float32", "tflite_int8", "onnx"])
def test_a_file_computes_what_keras_does(name, model, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (100, 25, 31, 3))
    pictures = pictures.astype("uint8")
    path = deploy.write(model, name, tmp_path, pictures)
    answers = deploy.open(path)(list(pictures[:4]))
    scores = np.stack([answer["scores"] for answer in answers])
    expected = model.task.results(model(pictures[:4], training=False))["scores"]
    tolerance = 0.02 if name.endswith("int8") else 1e-5
    np.testing.assert_allclose(scores, expected, atol=tolerance)
