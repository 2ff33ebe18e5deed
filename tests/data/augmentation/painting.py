"""Pictures whose boxes can be seen: each label has a colour of its own."""

import numpy as np
import tensorflow as tf

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.float32)


def painted(height, width, boxes):
    """An example whose box i is a rectangle of COLOURS[i]; integer corners."""
    image = np.zeros((height, width, 3), np.uint8)
    masks = np.zeros((len(boxes), height, width), np.uint8)
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        image[y0:y1, x0:x1], masks[i, y0:y1, x0:x1] = COLOURS[i], 1
    return {
        "image": tf.constant(image),
        "boxes": tf.constant(np.reshape(boxes, (-1, 4)), tf.float32),
        "labels": tf.range(len(boxes)),
        "crowd": tf.range(len(boxes)) == 1,
        "masks": tf.constant(masks),
    }


def extent(there):
    rows, columns = np.nonzero(there)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def in_graph(function):
    """As tf.data calls it: with sides that the graph does not know."""

    def loose(x):
        shape = (None,) * (x.shape.rank - 1) + (x.shape[-1],)
        return tf.TensorSpec(shape, x.dtype)

    def call(example, seed):
        specs = {name: loose(x) for name, x in example.items()}
        specs["image"] = tf.TensorSpec((None, None, 3), tf.uint8)
        for name in {"labels", "crowd"} & set(specs):
            specs[name] = tf.TensorSpec((None,), specs[name].dtype)
        if "masks" in specs:
            specs["masks"] = tf.TensorSpec((None, None, None), tf.uint8)
        seed_spec = tf.TensorSpec((2,), tf.int64)
        graph = call.graphs.setdefault(
            frozenset(specs),
            tf.function(function, input_signature=[specs, seed_spec]),
        )
        return {
            name: x.numpy()
            for name, x in graph(example, tf.constant(seed, tf.int64)).items()
        }

    call.graphs = {}
    return call


BOXES = [(3, 5, 17, 29), (25, 2, 44, 20), (22, 25, 45, 31)]


def assert_boxes_follow(function, size, seeds, least, of_picture=1.5, of_mask=1.5):
    """What an augmentation says of `BOXES` lies where they are seen afterwards.

    least: how many boxes have to be left over all of the seeds; the last two are
    pixels that a side may be away.
    """
    example, kept = painted(34, 48, BOXES), 0
    for seed in range(seeds):
        result = function(example, (7, seed))
        assert result["image"].shape == (*size, 3)
        for box, label, crowd, mask in zip(
            *(result[name] for name in ("boxes", "labels", "crowd", "masks"))
        ):
            near = np.abs(result["image"] - COLOURS[label]).max(-1) < 127
            np.testing.assert_allclose(box, extent(near), atol=of_picture)
            np.testing.assert_allclose(box, extent(mask), atol=of_mask)
            assert crowd == (label == 1)
            kept += 1
    assert kept > least
