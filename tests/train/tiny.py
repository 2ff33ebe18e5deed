"""Models and pictures so small that a step takes milliseconds."""

import io

import keras
import numpy as np
from keras import layers
from PIL import Image

from kzoo.data.checks import Problems
from kzoo.data.records import Record
from kzoo.data.source import Source
from kzoo.models import build
from kzoo.models.base import Model
from kzoo.models.blocks import conv_bn
from kzoo.models.layers.dropout import Dropout
from kzoo.models.registry import Spec
from kzoo.ops.anchors import retinanet_anchors
from kzoo.preprocessing import Preprocess
from kzoo.tasks.classification import Classification

SIDE = 32  # pixels
NAMES = ["red", "green", "blue"]
MODELS = ("plain", "batch_norm", "dropout", "detector")


def source(task="classification", count=12, seed=0, spoilt=None):
    """`count` pictures of coloured rectangles: the colour is the class.

    For detection with 0 to 3 of them, so that the parts of a batch have different
    numbers of boxes, and some none. In the picture number `spoilt` a byte is wrong.
    """
    rng = np.random.default_rng(seed)
    records = [_record(rng, task, i) for i in range(count)]
    if spoilt is not None:
        picture = records[spoilt].picture
        records[spoilt].picture = (
            picture[:60] + bytes([picture[60] ^ 255]) + picture[61:]
        )
    return Source("tiny", "train", task, NAMES, records, count, Problems())


def source_for(kind, **settings):
    task = "detection" if kind == "detector" else "classification"
    return source(task, **settings)


def _record(rng, task, number):
    picture = rng.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
    objects = 1 if task == "classification" else number % 4
    record = Record(f"tiny-{number}", b"", "tiny")
    for i in range(objects):
        x, y = rng.integers(0, SIDE - 16, 2).tolist()
        width, height = rng.integers(10, 16, 2).tolist()
        record.label = int(rng.integers(len(NAMES)))
        picture[y : y + height, x : x + width, record.label] = 200
        record.add(f"row {i}", (x, y, x + width, y + height), record.label)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    record.picture = file.getvalue()
    return record


def model(kind):
    """One of `MODELS`; the same weights each time.

    All are smooth: at the kink of a ReLU the last bit of a number can decide on
    which side a unit is, and then its whole gradient appears or not.
    """
    keras.utils.set_random_seed(0)
    if kind == "detector":
        return build(
            "retinanet(filters=8, depth=1)",
            classes=len(NAMES),
            backbone=_backbone(),
            anchors=retinanet_anchors(1.0),
        )
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = Preprocess("torch", name="preprocess")(images)
    if kind == "batch_norm":
        x = conv_bn(x, 8, 3, 2, "tanh", name="one")
        x = conv_bn(x, 8, 3, 2, "tanh", name="two")
    else:
        x = layers.Conv2D(8, 3, 2, activation="tanh", name="one")(x)
        x = layers.Conv2D(8, 3, 2, activation="tanh", name="two")(x)
    if kind == "dropout":
        x = Dropout(0.5, name="dropout")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(len(NAMES), dtype="float32", name="logits")(x)
    made = Model(images, logits, name=kind)
    made.task = Classification(len(NAMES))
    made.spec = Spec(kind, {})
    return made


def _backbone():
    """Features {"C3", "C4", "C5"} with one convolution for each stride."""
    images = keras.Input((SIDE, SIDE, 3), name="images")
    x = Preprocess("torch", name="preprocess")(images)
    features = {}
    for level in range(1, 6):
        x = conv_bn(x, 8, 3, 2, "tanh", name=f"stage{level}")
        features[f"C{level}"] = x
    made = Model(images, features, name="backbone")
    made.spec = Spec("backbone", {})
    return made
