"""Batches as a pure function of (seed, position), so that a run resumes exactly.

Position p of the stream of rows is example shuffle(seed, epoch)[p % n] of epoch p // n,
augmented with a seed made from (seed, epoch, example). Nothing is remembered between
rows: a stream may begin anywhere at no cost, and workers share one without talking.

An augmentation is a function f(example, seed (2,)) -> example. One that needs other
pictures has an attribute `partners`, how many, and is f(example, seed, other): other(i)
loads one of them, i below `partners`, all drawn from the row's seed. What `other` is
asked for inside of a `tf.cond` is only decoded where it is wanted. One whose attribute
`masks` is true gets examples that have them.
"""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from kzoo.data import opening
from kzoo.data.augmentation import classification, detection, pieces
from kzoo.ops.images import letterbox

FOREVER = 2**31  # batches
PARTNERS = 7919  # what the seed of the partners' indices is told apart by
# What training does when it is not told otherwise.
USUAL = {
    "detection": detection.augmentation,
    "classification": classification.augmentation,
}


@dataclasses.dataclass(frozen=True)
class Closing:
    """The augmentation `first`, and from batch `step` on `last`.

    Targets then have "closing" (B,) float32: 1 in the batches of `last`, else 0.
    """

    first: object
    last: object
    step: int

    @property
    def partners(self):
        return max(partners(self.first), partners(self.last))

    @property
    def masks(self):
        return _masks(self.first) or _masks(self.last)


def partners(augment):
    """The number of other pictures that an augmentation may need."""
    return getattr(augment, "partners", 0)


def _masks(augment):
    """Whether an augmentation needs the masks of objects."""
    return getattr(augment, "masks", False)


def batches(
    source,
    batch_size,
    image_size,
    *,
    training,
    augment=None,
    mix=None,
    seed=0,
    start_step=0,
    worker=(0, 1),
    max_boxes=None,
    only=None,
):
    """Batches of B pictures of H x W pixels.

    Training: without end, each epoch in its own order, augmented. Else: one pass in
    order, letterboxed; rows that fill up the last batch are not "real".

    Args:
      source: a kzoo.data.Source.
      batch_size: B, over all workers.
      image_size: (H, W), or the side of a square.
      augment: an augmentation to image_size, see the module, or a `Closing` of two;
        None for the task's usual one (`USUAL`), False for the letterbox alone.
      mix: f(images, labels, seed) -> (images, soft labels (B, K)) for training batches
        of classification, as `kzoo.data.augmentation.mixing.Mix`; its seed is made from
        (seed, batch).
      start_step: the batch to begin with.
      worker: (w, W): only rows w*B/W to (w+1)*B/W of each batch, for worker w of W.
      max_boxes: M; by default the largest number of boxes that a picture of the source
        has, and its partners. With less, a row keeps the largest of its boxes; less
        than one picture may have is an error.
      only: f(step () int64) -> () bool: the batches to give, the others are passed
        over. Not with `mix`.

    Returns:
      A tf.data.Dataset of {"images": (B, H, W, 3) in 0..255, uint8 in training, else
      float32; "targets": (B,) int32 labels, or {"boxes": (B, M, 4) float32 xyxy pixels,
      "labels": (B, M) int32, "valid": (B, M) bool}; "index": (B,) int64}. When not
      training also "scale" (B, 2) float32, the letterbox's (x, y); "size" (B, 2) int32,
      the picture's own (h, w); "real" (B,) bool; in the targets "crowd" (B, M) bool.
      A row is "valid" or "crowd" or padding: crowds are not learnt, and detections on
      them are not counted.
    """
    room = _room(source, max_boxes, partners(augment) if training else 0)
    row = _row(source, image_size, training, augment, room)
    rows = _rows_of_worker(batch_size, worker)
    count = len(source)

    def load_row(k):
        position = k // rows * batch_size + worker[0] * rows + k % rows
        if training:
            return row(*_example_at(position, count, seed), position // batch_size)
        index = tf.minimum(position, count - 1)
        return {**row(index, None), "real": position < count}

    steps = FOREVER if training else -(-count // batch_size)
    positions = tf.data.Dataset.range(start_step * rows, steps * rows)
    if only:
        positions = positions.filter(lambda k: only(k // rows))
    dataset = _in_batches(positions, load_row, rows)
    if not (training and mix):
        return dataset
    if only:
        raise ValueError("batches that are mixed cannot be passed over")
    if rows % 2:
        raise ValueError(
            f"{rows} pictures cannot be mixed in pairs: the batch of each worker has "
            "to be an even number"
        )
    return _mixed(dataset, mix, seed, start_step)


def _mixed(dataset, mix, seed, start_step):
    def mixed(number, batch):
        seeds = tf.stack([tf.constant(seed, tf.int64), number])
        images, targets = mix(batch["images"], batch["targets"], seeds)
        return {**batch, "images": images, "targets": targets}

    return dataset.enumerate(start_step).map(mixed, tf.data.AUTOTUNE).prefetch(1)


def load(
    source,
    split,
    batch_size=8,
    image_size=256,
    training=False,
    task="detection",
    seed=0,
    examples=None,
):
    """(images, targets) for a script's `model.fit`; see `open` and `batches`.

    Returns:
      A tf.data.Dataset, one epoch long; each pass of a training set is another epoch,
      in another order, with other augmentations. It has the attribute `class_names`.
    """
    source = opening.open_source(source, split, task=task, examples=examples, seed=seed)
    count, pair = len(source), lambda row: (row["images"], row["targets"])
    if not training:
        dataset = batches(source, batch_size, image_size, training=False)
        # Here the last batch may be smaller: a mean over its rows is then right.
        dataset = dataset.map(
            lambda row: tf.nest.map_structure(
                lambda rows: tf.boolean_mask(rows, row["real"]), pair(row)
            )
        )
    else:
        row = _row(source, image_size, True, None, _room(source, None))
        steps = max(1, count // batch_size)

        def epoch(number):
            first = number % 2**31 * count
            positions = tf.data.Dataset.range(first, first + steps * batch_size)
            load_row = lambda position: row(*_example_at(position, count, seed))
            return _in_batches(positions, load_row, batch_size).map(pair)

        numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
        dataset = numbers.take(1).flat_map(epoch)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    dataset.class_names = source.class_names
    return dataset


def truths(batch):
    """What is to be found in a batch that is not for training, for an evaluator.

    Returns:
      A list, one for each real picture: its label, or a dict of "boxes" (M, 4) float32
      xyxy in the pixels of the picture before the letterbox, "labels" (M,) int32,
      "crowd" (M,) bool.
    """
    if not isinstance(batch["targets"], dict):
        return list(np.asarray(batch["targets"])[np.asarray(batch["real"])])
    targets = {name: np.asarray(rows) for name, rows in batch["targets"].items()}
    there = targets["valid"] | targets["crowd"]
    boxes = targets["boxes"] / np.tile(np.asarray(batch["scale"]), 2)[:, None]
    targets = {**targets, "boxes": boxes}
    names = ("boxes", "labels", "crowd")
    return [
        {name: targets[name][i][there[i]] for name in names}
        for i in np.flatnonzero(batch["real"])
    ]


def _in_batches(positions, load_row, rows):
    options = tf.data.Options()
    options.deterministic = True
    # Workers share the rows out by themselves; tf.distribute must not do it again.
    off = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = off
    dataset = positions.map(load_row, tf.data.AUTOTUNE, deterministic=True)
    dataset = dataset.batch(rows, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


def names_at(source, batch_size, step, seed=0):
    """The names of the examples in batch `step` of training."""
    rows = range(step * batch_size, (step + 1) * batch_size)
    indices = [_example_at(row, len(source), seed)[0] for row in rows]
    return [source.ids[int(index)] for index in indices]


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


def _room(source, max_boxes, partners=0):
    most = max(1, source.most_boxes)
    if max_boxes is not None and max_boxes < source.most_boxes:
        raise ValueError(
            f"max_boxes is {max_boxes}, but a picture of {source.name} "
            f"{source.split} has {most} boxes, and none is cut off silently"
        )
    return max_boxes or most * (1 + partners)


def _example_at(position, count, seed):
    """The index of the example at a position, and the seed (2,) of its augmentation."""
    epoch = position // count
    order = tf.stack([tf.constant(seed, tf.int64), epoch])
    # A permutation computed one entry at a time: no list of indices, no buffer.
    index = tf.random.experimental.index_shuffle(
        position % count, order, tf.constant(count - 1, tf.int64)
    )
    return index, tf.random.experimental.stateless_fold_in(order, index)


def _row(source, image_size, training, augment, room):
    """A function from (index, seed, number of the batch) to one row of a batch."""
    size = pieces.height_and_width(image_size)
    if augment is None:
        augment = USUAL[source.task](size)
    load = source.example
    if training and _masks(augment):
        if not source.has_masks:
            raise ValueError(
                f"{source.name} has no masks of objects, which copy-paste needs"
            )
        load = functools.partial(source.example, masks=True)

    def row(index, seed, step=None):
        example = load(index)
        if training and augment:
            example = _augmented(augment, example, seed, step, load, len(source))
        else:
            example = fitted(example, size)
        image = tf.ensure_shape(example["image"], (*size, 3))
        result = {"images": image, "index": index, "targets": example.get("label")}
        if source.task == "detection":
            if room < source.most_boxes * (1 + partners(augment)):
                example = _largest(example, room)
            result["targets"] = _padded(example, room, training)
        if isinstance(augment, Closing):
            closing = tf.cast(step >= augment.step, tf.float32)
            result["targets"]["closing"] = closing
        if training:
            # A quarter of the bytes on the way to the device.
            return {**result, "images": pieces.to_uint8(image)}
        return {**result, "scale": example["scale"], "size": example["size"]}

    return row


def _augmented(augment, example, seed, step, load, count):
    """What an augmentation, or the one of the two whose time it is, makes of it."""
    if isinstance(augment, Closing):
        first, last = (
            lambda one=one: _augmented(one, example, seed, step, load, count)
            for one in (augment.first, augment.last)
        )
        return tf.cond(step < augment.step, first, last)
    if not partners(augment):
        return augment(example, seed)
    indices = tf.random.stateless_uniform(
        [partners(augment)],
        tf.random.experimental.stateless_fold_in(seed, PARTNERS),
        maxval=count,
        dtype=tf.int64,
    )
    return augment(example, seed, lambda i: load(indices[i]))


def fitted(example, size):
    """The example letterboxed to size (H, W), with the "scale" (x, y) of its boxes and
    the "size" (h, w) that it had.
    """
    before = tf.shape(example["image"])[:2]
    image, scale = letterbox(example["image"], *size)
    example = {**example, "image": image, "scale": scale, "size": before}
    if "boxes" in example:
        example["boxes"] *= tf.tile(scale, [2])
    return example


def _padded(example, room, training):
    """Boxes, labels and marks in fixed shapes; rows past the last box are zeros."""
    count = tf.shape(example["labels"])[0]
    fill = [0, room - count]
    boxes = tf.pad(example["boxes"], [fill, [0, 0]])
    crowd = tf.ensure_shape(tf.pad(example["crowd"], [fill]), (room,))
    targets = {
        "boxes": tf.ensure_shape(boxes, (room, 4)),
        "labels": tf.ensure_shape(tf.pad(example["labels"], [fill]), (room,)),
        "valid": (tf.range(room) < count) & ~crowd,
    }
    return targets if training else {**targets, "crowd": crowd}


def _largest(example, room):
    """The example with the `room` largest of its boxes, in the order they had."""
    names = ("boxes", "labels", "crowd")
    areas = pieces.areas(example["boxes"])
    order = tf.sort(tf.argsort(areas, direction="DESCENDING", stable=True)[:room])
    return {**example, **{name: tf.gather(example[name], order) for name in names}}
