"""keras-cv's layers in the stream: boxes follow what is painted in them."""

import keras_cv
import numpy as np
import pytest
import tensorflow as tf

from kzoo.data.augmentation import keras_cv as adapter

FORMAT = {"bounding_box_format": "xyxy"}
LAYERS = {
    "usual": lambda: adapter.usual((64, 64)),
    "crop": lambda: adapter.augmentation(
        keras_cv.layers.RandomCrop(50, 50, **FORMAT), (64, 64)
    ),
    "translation": lambda: adapter.augmentation(
        keras_cv.layers.RandomTranslation(0.2, 0.2, **FORMAT), (64, 64)
    ),
}


def example(boxes, labels, crowd):
    """A black picture (60, 80) with the boxes in white."""
    image = np.zeros((60, 80, 3), "uint8")
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
    return {
        "image": tf.constant(image),
        "boxes": tf.constant(boxes, tf.float32, (len(boxes), 4)),
        "labels": tf.constant(labels, tf.int32, (len(boxes),)),
        "crowd": tf.constant(crowd, tf.bool, (len(boxes),)),
    }


def stream(name, given, count):
    augment = LAYERS[name]()
    dataset = tf.data.Dataset.range(count).map(lambda i: augment(given, None))
    return list(dataset.as_numpy_iterator())


@pytest.mark.parametrize("name", LAYERS)
def test_the_box_is_where_the_paint_is(name):
    for got in stream(name, example([[30, 15, 60, 40]], [2], [True]), 8):
        rows, columns = np.nonzero(got["image"][..., 0] > 127)
        if not len(got["boxes"]):
            continue
        assert got["labels"].tolist() == [2] and got["crowd"].tolist() == [True]
        painted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        # RandomTranslation and the crop's resize move edges by up to a cell.
        np.testing.assert_allclose(got["boxes"][0], painted, atol=2.5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_picture_without_boxes_stays_without(name):
    (got,) = stream(name, example([], [], []), 1)
    assert got["boxes"].shape == (0, 4) and got["labels"].shape == (0,)
    assert got["image"].shape == (64, 64, 3)


def test_labels_stay_with_their_boxes_where_some_are_dropped():
    given = example([[0, 0, 5, 5], [30, 15, 60, 40]], [3, 1], [False, False])
    for got in stream("crop", given, 12):
        for box, label in zip(got["boxes"], got["labels"]):
            # Of the two the small one is in the corner, and far the smaller.
            assert ((box[2] - box[0]) * (box[3] - box[1]) > 60) == (label == 1)
