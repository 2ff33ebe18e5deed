"""What keras.ops has no fast or exportable word for: the one backend-specific module.

Where Keras runs on TensorFlow this uses TensorFlow's kernels, which convert to LiteRT
builtins and to ONNX; else (JAX, torch) it uses keras.ops.
"""

import contextlib
import itertools
import threading

import keras
from keras import ops

from kzoo.ops import boxes as box_ops

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"

if ON_TENSORFLOW:
    import tensorflow as tf


def select(boxes, scores, classes, iou_threshold, score_threshold, count):
    """Greedy suppression per class; the arguments are those of kzoo.ops.nms.

    Returns:
      (index (B, count) int32, meaningless past the end; ends (B,) int32).
    """
    run = _select_by_kernel if ON_TENSORFLOW else select_by_ops
    return run(boxes, scores, classes, iou_threshold, score_threshold, count)


def take_rows(values, index):
    """values (B, N, ...), index (B, D) -> (B, D, ...)."""
    if ON_TENSORFLOW:
        return tf.gather(values, index, batch_dims=1)
    if len(values.shape) == 2:
        return ops.take_along_axis(values, index, axis=1)
    return ops.take_along_axis(values, ops.expand_dims(index, -1), axis=1)


def argmax(x):
    """Index of the largest of the last axis, the first in a tie: int32.

    keras.ops.argmax goes over a tensor five times for the sake of -0.0, and so is no
    LiteRT builtin and no ONNX graph.
    """
    if ON_TENSORFLOW:
        return tf.argmax(x, axis=-1, output_type="int32")
    return ops.cast(ops.argmax(x, axis=-1), "int32")


def grouped_conv(x, kernel, strides, padding):
    """Convolution of groups of channels: x (B, H, W, C), kernel (h, w, C / G, filters).

    Keras' own Conv2D(groups=G) compiles with XLA on a CPU, which tf2onnx cannot read.
    """
    if ON_TENSORFLOW:
        return tf.nn.conv2d(x, kernel, strides, padding.upper())
    return ops.conv(x, kernel, strides, padding)


def local_response_normalization(x, size, alpha, beta, k):
    """x (B, H, W, C) over (k + alpha * squares of `size` channels around it) ** beta.

    TensorFlow's kernel is a LiteRT builtin and one ONNX operation.
    """
    if ON_TENSORFLOW:
        return tf.nn.local_response_normalization(x, size // 2, k, alpha, beta)
    squares = ops.pad(ops.square(x), ((0, 0),) * 3 + ((size // 2, size // 2),))
    channels = x.shape[-1]
    total = sum(squares[..., i : i + channels] for i in range(size))
    return x / (k + alpha * total) ** beta


def resize(images, height, width):
    """Bilinear, half-pixel centres, no antialias: (h, w, C) or (B, h, w, C) float32.

    keras.ops.image.resize refuses a size that only the running graph knows.
    """
    if ON_TENSORFLOW:
        return tf.image.resize(images, (height, width))
    return ops.image.resize(images, (height, width), antialias=False)


def global_sum(x):
    """The sum of x over all replicas of a tf.distribute strategy; else x itself.

    Losses divide by it, so that one device and many give the same curve.
    """
    if _HERE.answer is not None:
        return _HERE.answer(x)
    replica, replicas = _replica()
    if replicas == 1:
        return x
    return tf.distribute.get_replica_context().all_reduce("SUM", x)


def global_rows(count):
    """Where this replica's `count` rows lie in the global batch: (first, total).

    What is drawn at random for rows is drawn for all of them and cut, so that it does
    not depend on the number of devices.
    """
    replica, replicas = _replica()
    part, parts = _HERE.part
    return (replica * parts + part) * count, replicas * parts * count


def _replica():
    """(number of this replica, how many there are); (0, 1) without a strategy."""
    context = tf.distribute.get_replica_context() if ON_TENSORFLOW else None
    if context is None or context.num_replicas_in_sync == 1:
        return 0, 1
    return context.replica_id_in_sync_group, context.num_replicas_in_sync


class _Scope(threading.local):
    """What the scopes below set, of one thread: each replica is traced in its own."""

    answer = None  # takes the place of `global_sum`
    part = (0, 1)  # the micro-batch at work, of how many


_HERE = _Scope()


@contextlib.contextmanager
def recorded_sums():
    """Inside, `global_sum` puts what it is given into the list that this yields."""
    counts = []

    def record(x):
        counts.append(x)
        return x

    with _set("answer", record):
        yield counts


@contextlib.contextmanager
def given_sums(totals):
    """Inside, calls of `global_sum` get the `totals` in turn, round and round."""
    answers = itertools.cycle(totals)
    with _set("answer", lambda x: next(answers)):
        yield


def part_of_batch(part, parts):
    """A scope in which rows are those of one micro-batch, the `part`th of `parts`."""
    return _set("part", (part, parts))


@contextlib.contextmanager
def _set(name, value):
    before = getattr(_HERE, name)
    setattr(_HERE, name, value)
    try:
        yield
    finally:
        setattr(_HERE, name, before)


def select_by_ops(boxes, scores, classes, iou_threshold, score_threshold, count):
    """`select` in keras.ops: `count` rounds over all pictures at once."""
    wanted = ops.logical_and(scores > score_threshold, box_ops.area(boxes) > 0.0)
    alive = ops.where(wanted, scores, -float("inf"))
    index = ops.zeros((ops.shape(scores)[0], count), dtype="int32")

    def keep_best(round_, state):
        alive, index, end = state
        best = argmax(alive)[:, None]
        found = ops.max(alive, axis=-1) > -float("inf")
        overlap = box_ops.iou(take_rows(boxes, best), boxes)[:, 0]
        same = classes == take_rows(classes, best)
        # The box itself too, where the threshold is 1.
        itself = ops.arange(scores.shape[1], dtype="int32") == best
        dropped = ops.logical_or(itself, ops.logical_and(same, overlap > iou_threshold))
        here = ops.arange(count, dtype="int32") == round_
        return (
            ops.where(dropped, -float("inf"), alive),
            ops.where(here, best, index),
            end + ops.cast(found, "int32"),
        )

    state = (alive, index, ops.zeros_like(index[:, 0]))
    _, index, end = ops.fori_loop(0, count, keep_best, state)
    return index, end


def _select_by_kernel(boxes, scores, classes, iou_threshold, score_threshold, count):
    # Sorted here, and ranks given for scores: LiteRT's kernel takes tied scores in any
    # order, TensorFlow's top_k puts the lower index first in all three runtimes.
    scores, order = tf.math.top_k(scores, k=tf.shape(scores)[1])
    apart = _classes_apart(take_rows(boxes, order), take_rows(classes, order))
    # LiteRT's kernel divides by the area.
    wanted = tf.logical_and(scores > score_threshold, box_ops.area(apart) > 0.0)
    rank = tf.cast(tf.range(tf.shape(scores)[1], 0, -1), "float32")
    rank = tf.where(wanted, rank, 0.0)
    # TensorFlow and ONNX drop an IoU above the threshold, LiteRT one that equals it
    # too. No IoU of boxes under 3000 px a side lies in between these two thresholds.
    iou_threshold = min(1.0, iou_threshold + 1e-7)

    def one_picture(inputs):
        boxes, rank = inputs
        # Of the six NMS operations of TensorFlow the one that is a LiteRT builtin,
        # pads its result, and becomes one ONNX operation.
        index, end = tf.raw_ops.NonMaxSuppressionV4(
            boxes=boxes,
            scores=rank,
            max_output_size=count,
            iou_threshold=iou_threshold,
            score_threshold=0.0,
            pad_to_max_output_size=True,
        )
        return index, end

    if scores.shape[0] == 1:
        # No loop in the graph: LiteRT's fixed batch.
        index, end = one_picture((apart[0], rank[0]))
        index, end = index[None], end[None]
    else:
        index, end = tf.map_fn(
            one_picture, (apart, rank), fn_output_signature=(tf.int32, tf.int32)
        )
    return take_rows(order, index), end


def _classes_apart(boxes, classes):
    """Moves the boxes of each class to their own cell of a grid, so that one kernel
    that knows no classes can serve all.

    A square grid, not a row: 80 classes then cost a float32 coordinate 4 bits, not 7.
    Cells are whole pixels wide, so whole coordinates stay exact.
    """
    # Runtimes disagree about boxes with negative sides: none gets there.
    corners = ops.concatenate(
        [boxes[..., :2], ops.maximum(boxes[..., :2], boxes[..., 2:])], axis=-1
    )
    low = ops.min(corners, axis=(1, 2), keepdims=True)
    high = ops.max(corners, axis=(1, 2), keepdims=True)
    cell = ops.ceil(high - low) + 1.0
    classes = ops.cast(classes, "float32")[..., None]
    side = ops.ceil(ops.sqrt(ops.max(classes, axis=(1, 2), keepdims=True) + 1.0))
    row = ops.floor(classes / side)
    column = classes - row * side
    return corners + cell * ops.concatenate([column, row, column, row], axis=-1)
