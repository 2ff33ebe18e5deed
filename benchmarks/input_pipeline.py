"""From JPEG files' bytes to batches of augmented pictures with their boxes."""

import io

import numpy as np

from benchmarks.racing import race

SIDE, BATCH, BATCHES, BOXES = 256, 16, 8, 8
HEIGHT, WIDTH, FILES = 480, 640, 64


def source():
    """A kzoo source of photographs' size, held in memory as JPEG."""
    from PIL import Image

    from kzoo.data.checks import Problems
    from kzoo.data.records import Record
    from kzoo.data.source import Source

    rng = np.random.default_rng(0)
    records = []
    for i in range(FILES):
        small = rng.integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3), dtype=np.uint8)
        file = io.BytesIO()
        picture = Image.fromarray(small).resize((WIDTH, HEIGHT))
        picture.save(file, "jpeg", quality=90)
        record = Record(f"{i}", file.getvalue(), f"{i}")
        for k in range(BOXES):
            x, y = rng.uniform(0, (WIDTH - 100, HEIGHT - 100)).tolist()
            record.add(f"{k}", (x, y, x + 90, y + 60), k % 3)
        records.append(record)
    names = ["a", "b", "c"]
    problems = Problems()
    return Source("drawn", "train", "detection", names, records, FILES, problems)


def runner(dataset):
    """A fresh pass at each call: what is prefetched between calls is not counted."""

    def run():
        for _ in dataset.take(BATCHES):
            pass

    return run


def ours():
    from kzoo import data

    return runner(data.batches(source(), BATCH, SIDE, training=True))


def examples():
    """Decoded pictures with their boxes, as every contestant gets them."""
    import tensorflow as tf

    given = source()
    rows = tf.data.Dataset.range(FILES).repeat()
    return rows.map(given.example, tf.data.AUTOTUNE)


def keras_cv_layers():
    """The same operations by keras-cv's layers: jittered resize, flip, colour."""
    import tensorflow as tf
    from keras_cv import layers

    steps = [
        layers.JitteredResize((SIDE, SIDE), (0.75, 1.5), bounding_box_format="xyxy"),
        layers.RandomFlip("horizontal", bounding_box_format="xyxy"),
        layers.RandomBrightness(0.2),
        layers.RandomContrast((0, 255), 0.2),
        layers.RandomSaturation(0.55),
        layers.RandomHue(0.03, (0, 255)),
    ]

    def row(example):
        classes = tf.cast(example["labels"], tf.float32)
        boxes = {"boxes": example["boxes"], "classes": classes}
        image = tf.cast(example["image"], tf.float32)
        outputs = {"images": image, "bounding_boxes": boxes}
        for layer in steps:
            outputs = layer(outputs, training=True)
        return outputs["images"]

    rows = examples().map(row, tf.data.AUTOTUNE)
    return runner(rows.batch(BATCH).prefetch(tf.data.AUTOTUNE))


def keras_layers():
    """By Keras' own layers, which know no scale jitter: crop, flip, colour."""
    import keras
    import tensorflow as tf

    layers, boxes = keras.layers, {"bounding_box_format": "xyxy"}
    steps = [
        layers.Resizing(SIDE, SIDE, pad_to_aspect_ratio=True, **boxes),
        layers.RandomFlip("horizontal", **boxes),
        layers.RandomBrightness(0.2, **boxes),
        layers.RandomContrast(0.2, **boxes),
        layers.RandomSaturation(0.55, **boxes),
        layers.RandomHue(0.03, **boxes),
    ]

    def row(example):
        boxes = {"boxes": example["boxes"], "labels": example["labels"]}
        outputs = {
            "images": tf.cast(example["image"], tf.float32),
            "bounding_boxes": boxes,
        }
        for layer in steps:
            outputs = layer(outputs, training=True)
        return outputs["images"]

    rows = examples().map(row, tf.data.AUTOTUNE)
    return runner(rows.batch(BATCH).prefetch(tf.data.AUTOTUNE))


def races():
    yield race(
        f"input: {BATCH * BATCHES} JPEGs of {WIDTH}x{HEIGHT} with {BOXES} boxes to "
        f"augmented {SIDE} px",
        {"kzoo": ours, "keras-cv": keras_cv_layers, "Keras": keras_layers},
        turns=5,
        notes={"Keras": "without scale jitter: its layers have none that keeps boxes"},
    )
