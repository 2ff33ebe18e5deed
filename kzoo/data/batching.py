"""Batches as a pure function of (seed, position), so that a run resumes exactly.

Position p of the stream of rows is example shuffle(seed, epoch)[p % n] of epoch p // n,
augmented with a seed made from (seed, epoch, example). Nothing is remembered between
rows: a stream may begin anywhere at no cost, and workers share one without talking.
"""

import numpy as np
import tensorflow as tf

from kzoo.data import augmentation
from kzoo.ops.images import letterbox


def batches(
    source,
    batch_size,
    image_size,
    *,
    training,
    augment=None,
    seed=0,
    start_step=0,
    worker=(0, 1),
    max_boxes=None,
):
    """Batches of B pictures of H x W pixels.

    Training: without end, shuffled anew in each epoch, augmented. Else: one pass in
    order, letterboxed; the last batch is filled up with rows that are not "real".

    Args:
      source: a kzoo.data.Source.
      batch_size: B over all workers.
      image_size: (H, W), or the side of a square.
      augment: f(example, seed) -> example of image_size; None for the task's usual one
        (kzoo.data.augmentation), False for letterbox alone.
      start_step: the batch to begin with.
      worker: (w, W): of each batch only rows w*B/W .. (w+1)*B/W, for worker w of W.
      max_boxes: M; the source's largest number of boxes by default.

    Returns:
      A tf.data.Dataset of {"images": (B, H, W, 3), uint8 in training, else float32;
      "targets": (B,) int32 labels, or {"boxes": (B, M, 4) float32 xyxy pixels,
      "labels": (B, M) int32, "valid": (B, M) bool}; "index": (B,) int64}. When not
      training also "scale" (B, 2) float32 (x, y) of the letterbox, "real" (B,) bool,
      and in targets "crowd" (B, M) bool. A crowd's row is never "valid": it is not
      learnt, and detections on it are not counted.
    """
    size = (image_size,) * 2 if isinstance(image_size, int) else tuple(image_size)
    rows = _rows_of_worker(batch_size, worker)
    row = _row(source, size, training, augment, _room(source, max_boxes))
    steps = np.iinfo(np.int32).max if training else -(-len(source) // batch_size)

    def load(k):
        step, position = k // rows, k % rows + worker[0] * rows
        position += step * batch_size
        if training:
            return row(*_example_at(position, len(source), seed))
        real = position < len(source)
        index = tf.minimum(position, len(source) - 1)
        return {**row(index, None), "real": real}

    positions = tf.data.Dataset.range(start_step * rows, steps * rows)
    return _collect(positions.map(load, tf.data.AUTOTUNE, deterministic=True), rows)


def _collect(dataset, rows):
    options = tf.data.Options()
    options.deterministic = True
    # `worker` has shared the rows out; tf.distribute must not do so again.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    dataset = dataset.batch(rows, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


def _rows_of_worker(batch_size, worker):
    number, workers = worker
    if not 0 <= number < workers:
        raise ValueError(f"worker is {worker}; (w, W) needs 0 <= w < W")
    if batch_size < 1 or batch_size % workers:
        raise ValueError(
            f"batch_size {batch_size} cannot be shared out to {workers} workers; "
            f"it can be {workers * max(1, batch_size // workers)}"
        )
    return batch_size // workers


def _room(source, max_boxes):
    most = max(1, source.most_boxes)
    if max_boxes is not None and max_boxes < most:
        raise ValueError(
            f"max_boxes is {max_boxes}, but a picture of {source.name} "
            f"{source.split!r} has {most} boxes; none are cut off silently"
        )
    return max_boxes or most


def _example_at(position, count, seed):
    """The index of the example at a position, and the seed (2,) of its augmentation."""
    epoch = position // count
    order = tf.stack([tf.constant(seed, tf.int64), epoch])
    # A permutation computed one entry at a time: no list of indices, no buffer.
    index = tf.random.experimental.index_shuffle(
        position % count, order, tf.constant(count - 1, tf.int64)
    )
    return index, tf.random.experimental.stateless_fold_in(order, index)


def _row(source, size, training, augment, room):
    """A function from (index, seed) to one row of a batch."""
    if augment is None and training:
        augment = augmentation.usual(source.task, size)

    def row(index, seed):
        example = source.example(index)
        if training and augment:
            example = augment(example, seed)
        else:
            example = fitted(example, size)
        image = tf.ensure_shape(example["image"], (*size, 3))
        result = {"images": image, "index": index}
        if training:
            result["images"] = augmentation.to_uint8(image)
        else:
            result["scale"] = example["scale"]
        result["targets"] = example.get("label")
        if source.task == "detection":
            result["targets"] = _padded(example, room, training)
        return result

    return row


def fitted(example, size):
    """The example letterboxed to size (H, W), with the "scale" (x, y) of its boxes."""
    image, scale = letterbox(example["image"], *size)
    example = {**example, "image": image, "scale": scale}
    if "boxes" in example:
        example["boxes"] *= tf.tile(scale, [2])
    return example


def _padded(example, room, training):
    """Boxes, labels and marks in fixed shapes; rows past the last box are zeros."""
    count = tf.shape(example["labels"])[0]
    fill = [[0, room - count]]
    crowd = tf.pad(example["crowd"], fill)
    targets = {
        "boxes": tf.pad(example["boxes"], [*fill, [0, 0]]),
        "labels": tf.pad(example["labels"], fill),
        "valid": (tf.range(room) < count) & ~crowd,
    }
    targets = targets if training else {**targets, "crowd": crowd}
    shapes = {"boxes": (room, 4)}
    return {
        name: tf.ensure_shape(rows, shapes.get(name, (room,)))
        for name, rows in targets.items()
    }
