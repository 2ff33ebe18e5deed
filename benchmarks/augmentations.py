"""Augmentations with boxes, from decoded pictures to batches, on all cores."""

import numpy as np

from benchmarks.input_pipeline import BATCH, BATCHES, BOXES, HEIGHT, SIDE, WIDTH, runner
from benchmarks.racing import race

PICTURES = 32
SIZE = (SIDE, SIDE)
FORMAT = {"bounding_box_format": "xyxy"}
CONSTANT = {**FORMAT, "fill_mode": "constant"}  # by default they show mirror images


class Decoded:
    """What `kzoo.data.batches` asks of a source, with the pictures in memory."""

    name, split, task, most_boxes, has_masks = (
        "drawn",
        "train",
        "detection",
        BOXES,
        True,
    )

    def __init__(self):
        import tensorflow as tf

        rng = np.random.default_rng(0)
        shape = (PICTURES, HEIGHT, WIDTH, 3)
        corners = rng.uniform(0, (WIDTH - 100, HEIGHT - 100), (PICTURES, BOXES, 2))
        boxes = np.concatenate([corners, corners + (90, 60)], -1).astype("float32")
        masks = np.zeros((PICTURES, BOXES, HEIGHT, WIDTH), np.uint8)
        for i, rows in enumerate(boxes.astype(int).tolist()):
            for k, (x0, y0, x1, y1) in enumerate(rows):
                masks[i, k, y0:y1, x0:x1] = 1
        self.images = tf.constant(rng.integers(0, 256, shape, np.uint8))
        self.boxes, self.masks = tf.constant(boxes), tf.constant(masks)
        self.labels = tf.range(BOXES) % 3

    def __len__(self):
        return PICTURES

    def example(self, index, masks=False):
        import tensorflow as tf

        rest = {"masks": self.masks[index]} if masks else {}
        return {
            "image": self.images[index],
            "boxes": self.boxes[index],
            "labels": self.labels,
            "crowd": tf.zeros(BOXES, tf.bool),
            **rest,
        }


def ours(make):
    """A contestant from a function that makes the augmentation."""

    def start():
        from kzoo import data

        batches = data.batches(Decoded(), BATCH, SIDE, training=True, augment=make())
        return runner(batches)

    return start


def mosaic(**settings):
    from kzoo.data.augmentation.mosaic import Mosaic

    return Mosaic(SIZE, **settings)


def perspective():
    from kzoo.data.augmentation.perspective import Perspective

    return Perspective(SIZE, colour=0.0, tilt=0.0)


def ssd():
    from kzoo.data.augmentation.ssd_crops import SsdCrops

    return SsdCrops(SIZE, colour=False)


def pasting():
    from kzoo.data.augmentation.copy_paste import CopyPaste
    from kzoo.data.augmentation.perspective import Perspective

    return CopyPaste(Perspective(SIZE, colour=0.0), 1.0)


def hsv():
    from kzoo.data.augmentation import colour

    return resized_and(lambda image, seed: colour.jitter(image, seed))


def resized_and(change):
    """An augmentation that resizes, so that what is compared is `change`."""
    import tensorflow as tf

    def augment(example, seed):
        image = tf.image.resize(example["image"], SIZE)
        return {**example, "image": change(image, seed)}

    return augment


def rows(source):
    """Examples as keras-cv takes them."""
    import tensorflow as tf

    def row(index):
        example = source.example(index)
        boxes = {"boxes": example["boxes"], "classes": tf.zeros(BOXES)}
        image = tf.cast(example["image"], tf.float32)
        return {"images": image, "bounding_boxes": boxes}

    return tf.data.Dataset.range(PICTURES).repeat().map(row, tf.data.AUTOTUNE)


def keras_cv(make_each, make_batch=lambda layers: []):
    """A contestant of layers for each picture, and of others for a batch of them."""

    def start():
        import tensorflow as tf
        from keras_cv import layers

        def through(steps):
            def call(inputs):
                for step in steps:
                    inputs = step(inputs, training=True)
                return inputs

            return call

        dataset = rows(Decoded()).map(through(make_each(layers)), tf.data.AUTOTUNE)
        # Layers that drop boxes give ragged ones, which cannot be batched as they are.
        dataset = dataset.ragged_batch(BATCH)
        batch = make_batch(layers)
        if batch:
            dense = lambda x: x.to_tensor() if isinstance(x, tf.RaggedTensor) else x
            dataset = dataset.map(lambda x: tf.nest.map_structure(dense, x))
            dataset = dataset.map(through(batch), tf.data.AUTOTUNE)
        return runner(dataset.prefetch(tf.data.AUTOTUNE))

    return start


def recoloured(layers):
    """Pictures alone: what Resizing makes of boxes, the others refuse."""
    alone = lambda inputs, training: inputs["images"]
    return [alone, layers.Resizing(SIDE, SIDE), *colours(layers)]


def fitted(layers):
    return [layers.Resizing(SIDE, SIDE, pad_to_aspect_ratio=True, **FORMAT)]


def mosaic_of_a_batch(layers):
    return [
        layers.Mosaic(**FORMAT),
        layers.RandomRotation(10 / 360, **CONSTANT),
        layers.RandomShear(0.035, 0.035, **CONSTANT),
        layers.RandomTranslation(0.1, 0.1, **CONSTANT),
        layers.RandomFlip("horizontal", **FORMAT),
    ]


def mosaic_and_mixup_of_a_batch(layers):
    return [*mosaic_of_a_batch(layers), layers.MixUp(), *colours(layers)]


def colours(layers):
    return [
        layers.RandomHue(10 / 360, (0, 255)),
        layers.RandomSaturation(0.55),
        layers.RandomBrightness(30 / 255),
    ]


def turned(layers):
    return [
        layers.JitteredResize(SIZE, (0.75, 1.5), **FORMAT),
        layers.RandomRotation(10 / 360, **CONSTANT),
        layers.RandomShear(0.035, 0.035, **CONSTANT),
        layers.RandomFlip("horizontal", **FORMAT),
    ]


def cropped(layers):
    # No flip: it refuses what this gives.
    return [layers.RandomCropAndResize(SIZE, (0.3, 1.0), (0.5, 2.0), **FORMAT)]


def in_python(change):
    """A contestant from a NumPy function of examples' arrays, called by tf.data."""

    def start():
        import tensorflow as tf

        images, boxes = (np.asarray(x) for x in (Decoded().images, Decoded().boxes))

        def row(index):
            rng = np.random.default_rng(index)
            return change(rng, images, boxes, int(index))

        def load(index):
            types = (tf.uint8, tf.float32)
            image, found = tf.numpy_function(row, [index], types)
            image = tf.ensure_shape(image, (*SIZE, 3))
            return image, tf.ensure_shape(found, (None, 4))

        dataset = tf.data.Dataset.range(PICTURES).repeat()
        dataset = dataset.map(load, tf.data.AUTOTUNE)
        return runner(dataset.ragged_batch(BATCH).prefetch(tf.data.AUTOTUNE))

    return start


def pillow_mosaic(rng, images, boxes, index):
    """As the authors of YOLOX do: resized, pasted, then one affine map."""
    from PIL import Image

    canvas = Image.new("RGB", (2 * SIDE, 2 * SIDE), (114,) * 3)
    x, y = rng.integers(SIDE // 2, 3 * SIDE // 2, 2).tolist()
    fit, moved = min(SIDE / HEIGHT, SIDE / WIDTH), []
    width, height = round(WIDTH * fit), round(HEIGHT * fit)
    for i, k in enumerate([index, *rng.integers(0, PICTURES, 3)]):
        corner = (x - width * (i % 2 == 0), y - height * (i < 2))
        canvas.paste(Image.fromarray(images[k]).resize((width, height), 2), corner)
        moved.append(boxes[k] * fit + np.tile(corner, 2))
    matrix = affine(rng)
    inverse = np.linalg.inv(matrix)[:2].ravel().tolist()
    picture = canvas.transform(SIZE, Image.Transform.AFFINE, inverse, 2)
    return np.asarray(picture), corners_moved(np.concatenate(moved), matrix)


def affine(rng):
    """Scaled, turned, sheared and shifted."""
    scale, angle = rng.uniform(0.5, 1.5), np.deg2rad(rng.uniform(-10, 10))
    shears = np.tan(np.deg2rad(rng.uniform(-2, 2, 2)))
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array([[1, shears[0]], [shears[1], 1]]) @ turn
    matrix[:2, 2] = rng.uniform(-0.1, 0.1, 2) * SIDE
    return matrix


def corners_moved(boxes, matrix):
    """The boxes around moved corners, clipped, without those that are gone."""
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] @ matrix[:2, :2].T
    corners += matrix[:2, 2]
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1).clip(0, SIDE)
    return boxes[(boxes[:, 2:] - boxes[:, :2] > 1).all(1)].astype("float32")


def pillow_hsv(rng, images, boxes, index):
    from PIL import Image

    picture = Image.fromarray(images[index]).resize(SIZE, 2).convert("HSV")
    pixels = np.asarray(picture).astype(np.int16)
    pixels = pixels + np.int16(rng.uniform(-1, 1, 3) * [7, 30, 30])
    pixels[..., 0] %= 256
    pixels = pixels.clip(0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(pixels, "HSV").convert("RGB")), boxes[index]


def races():
    of = f"{BATCH * BATCHES} of {SIDE} px from {WIDTH}x{HEIGHT}, {BOXES} boxes each"
    again = "mixes the pictures of a batch, each used four times"
    yield race(
        f"mosaics, scaled, turned and sheared: {of}",
        {
            "kzoo": ours(lambda: mosaic(mixup=0.0, colour=False)),
            "keras-cv": keras_cv(fitted, mosaic_of_a_batch),
            "Pillow": in_python(pillow_mosaic),
        },
        turns=5,
        notes={"keras-cv": f"{again}; not scaled; boxes without area stay"},
    )
    yield race(
        f"mosaics with MixUp and HSV: {of}",
        {
            "kzoo": ours(mosaic),
            "keras-cv": keras_cv(fitted, mosaic_and_mixup_of_a_batch),
        },
        turns=5,
        notes={"keras-cv": f"{again}; boxes of a picture stay however faint it is"},
    )
    yield race(
        f"scaled, turned, sheared: {of}",
        {"kzoo": ours(perspective), "keras-cv": keras_cv(turned)},
        turns=5,
        notes={"keras-cv": "three times interpolated"},
    )
    yield race(
        f"SSD's crops and zoom-out: {of}",
        {"kzoo": ours(ssd), "keras-cv": keras_cv(cropped)},
        turns=5,
        notes={"keras-cv": "crops that look at no box; it has no others"},
    )
    yield race(
        f"hue, saturation, value: {of}",
        {
            "kzoo": ours(hsv),
            "keras-cv": keras_cv(recoloured),
            "Pillow": in_python(pillow_hsv),
        },
        turns=5,
    )
    yield race(
        f"copy-paste with masks: {of}",
        {"kzoo": ours(pasting)},
        turns=5,
        notes={"keras-cv": "has none"},
    )
