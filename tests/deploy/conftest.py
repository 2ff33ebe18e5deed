"""A small detector with weights that matter, and its files, each written once."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from kzoo import deploy
from kzoo.models.base import Model
from kzoo.models.blocks import conv_bn
from kzoo.ops.anchors import Anchors
from kzoo.preprocessing import Preprocess
from kzoo.tasks.anchors import AnchorDetection
from tests.golden import draw

SIZE = (64, 96)
NAMES = ["cat", "dog", "traffic light"]


def build_detector():
    """Two levels, 8 and 16 pixels a step, two anchors a position."""
    images = keras.Input((*SIZE, 3), name="images")
    x = Preprocess("torch", name="preprocess")(images)
    for step in range(3):
        x = conv_bn(x, 16, 3, strides=2, name=f"down{step}")
    levels = [x, conv_bn(x, 16, 3, strides=2, name="down3")]

    def head(outputs, name):
        last = layers.Conv2D(2 * outputs, 3, padding="same", name=f"{name}_conv")
        rows = [layers.Reshape((-1, outputs))(last(level)) for level in levels]
        return layers.Concatenate(axis=1, name=name)(rows)

    outputs = {"logits": head(len(NAMES), "logits"), "deltas": head(4, "deltas")}
    model = Model(images, outputs, name="small_detector")
    anchors = Anchors((8, 16), (((12, 12), (20, 10)), ((24, 24), (40, 20))))
    model.task = AnchorDetection(len(NAMES), anchors)
    model.task.class_names = NAMES
    return model


def disturb(model):
    """Statistics and kernels far from their start: a graph in training mode, or with
    lost weights, then answers something else."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        if "moving_variance" in variable.path:
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        elif "moving_mean" in variable.path:
            variable.assign(random.normal(0, 0.2, variable.shape))
        elif "logits_conv/kernel" in variable.path:
            variable.assign(random.normal(0, 0.25, variable.shape))
        elif "logits_conv/bias" in variable.path:
            variable.assign(np.full(variable.shape, -4.5))
        elif "deltas_conv/kernel" in variable.path:
            variable.assign(random.normal(0, 0.03, variable.shape))
    return model


@pytest.fixture(scope="session")
def model():
    keras.utils.set_random_seed(0)
    return disturb(build_detector())


@pytest.fixture(scope="session")
def pictures():
    """Of the network's size, so that TFLite sees what Keras sees."""
    return list(_blobs(np.random.default_rng(1), 6, SIZE))


@pytest.fixture(scope="session")
def odd_pictures():
    """Of sizes that need the letterbox: wide, tall, large, one pixel."""
    sizes = [(40, 130), (150, 50), (256, 384), (1, 1)]
    random = np.random.default_rng(2)
    return [_blobs(random, 1, size)[0] for size in sizes]


@pytest.fixture(scope="session")
def calibration():
    return _blobs(np.random.default_rng(3), 100, SIZE)


def _blobs(random, count, size):
    """Smooth pictures (count, h, w, 3) uint8 with edges: noise enlarged 8 times."""
    height, width = size
    rows, columns = -(-height // 8), -(-width // 8)
    noise = random.integers(0, 256, (count, rows, columns, 3))
    large = noise.repeat(8, axis=1).repeat(8, axis=2)
    return large[:, :height, :width].astype(np.uint8)


@pytest.fixture(scope="session")
def file(model, calibration, tmp_path_factory):
    """f(format, nms) -> the path of the model in that format."""
    folders = {nms: tmp_path_factory.mktemp(f"nms_{nms}") for nms in (True, False)}

    def write(name, nms=True):
        path = folders[nms] / deploy.FORMATS[name]
        if path.exists():
            return path
        return deploy.write(model, name, folders[nms], calibration, nms)

    return write


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """f(model, format, nms) -> the path of any detector in it, written once."""

    @functools.cache
    def write(model, name, nms):
        folder = tmp_path_factory.mktemp(f"{model.name}_{name}_{nms}")
        calibration = draw.pictures(100, *model.input_shape[1:3], seed=1)
        return deploy.write(model, name, folder, calibration, nms)

    return write


@pytest.fixture(scope="session")
def classifier():
    images = keras.Input((32, 32, 3), name="images")
    x = Preprocess("tf", name="preprocess")(images)
    x = conv_bn(x, 8, 3, strides=2, name="down")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = Model(images, layers.Dense(4, name="logits")(x), name="small_classifier")
    from kzoo.tasks.classification import Classification

    model.task = Classification(4)
    model.task.class_names = ["a", "b", "c", "d"]
    return disturb(model)
