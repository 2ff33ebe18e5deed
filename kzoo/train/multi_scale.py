"""Training on pictures of several sizes in turn, with one set of weights.

As in YOLOv2 (Redmon and Farhadi 2017, https://arxiv.org/abs/1612.08242, section 2) and
YOLOX, whose sizes change every ten batches. A batch is a function of its step and the
size at hand, and the size one of the seed and the step, so a run resumes exactly.
"""

import keras
import tensorflow as tf

MULTIPLE = 32  # pixels: what a detector's coarsest level in the pyramid stands for


class MultiScale:
    """What a `TrainStep` is, for pictures of several sizes.

    Args:
      model: of the size that is evaluated and saved.
      make: a function of a model to its `TrainStep`; all with the same optimizer.
      sizes: of (height, width), multiples of 32 pixels.
      seed: of the sizes' order.
      every: steps between changes.

    The `batches` that `stream` takes is then a function of (start step, worker, size,
    mine), where mine(step) says which steps of the run it is to give.
    """

    def __init__(self, model, make, sizes, seed, every=10):
        check(model, sizes)
        self.sizes, self.seed, self.every = [tuple(s) for s in sizes], seed, every
        self._steps = [make(resized(model, size)) for size in self.sizes]
        self.model, self.names = model, None
        self.optimizer = self._steps[0].optimizer
        self.strategy = self._steps[0].strategy

    def turn(self, step):
        """Which of the sizes step `step` has, () int32; also in a graph."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), step // self.every])
        # Where a GPU is, a graph of tf.data is on the CPU all the same.
        with tf.device("CPU:0"):
            return tf.random.stateless_uniform(
                [], seed, maxval=len(self.sizes), dtype=tf.int32
            )

    def stream(self, batches, start):
        """The batches from step `start` on, as calls of this want them."""

        def of_size(number):
            def stream(start, worker):
                mine = lambda step: self.turn(step) == number
                return batches(start, worker, self.sizes[number], mine)

            return self._steps[number].stream(stream, start)

        return _Streams(start, [of_size(i) for i in range(len(self.sizes))])

    def __call__(self, streams, steps):
        rows, end = [], streams.step + int(steps)
        while streams.step < end:
            number = int(self.turn(tf.constant(streams.step, tf.int64)))
            change = (streams.step // self.every + 1) * self.every
            count = min(change, end) - streams.step
            step = self._steps[number]
            rows.append(step(streams.iterators[number], tf.constant(count)))
            streams.step, self.names = streams.step + count, step.names
        return tf.concat(rows, 0)


class _Streams:
    """An iterator for each size, and the step that is next."""

    def __init__(self, step, iterators):
        self.step, self.iterators = step, iterators


def check(model, sizes):
    """Whether a model can be trained at these sizes."""
    for size in [*sizes, model.input_shape[1:3]]:
        if any(side % MULTIPLE or side < MULTIPLE for side in size):
            shown = "x".join(map(str, size))
            near = [max(1, round(side / MULTIPLE)) * MULTIPLE for side in size]
            raise ValueError(
                f"{shown} is no size for training at several: sides have to be "
                f"multiples of {MULTIPLE}, as {'x'.join(map(str, near))}"
            )


def resized(model, size):
    """A model of the same layers, so of the same weights, for pictures of (H, W).

    Raises:
      ValueError: a layer, as a dense one after the last feature map, fits one size.
    """
    images = keras.Input((*size, 3), dtype=model.inputs[0].dtype)
    same = lambda layer: layer
    try:
        copy = keras.models.clone_model(model, images, clone_function=same)
    except ValueError as error:
        raise _fixed(model, size) from error
    copy.task, copy.spec = model.task, model.spec
    rows = {output.shape[1] for output in copy.outputs if len(output.shape) == 3}
    if hasattr(model.task, "places") and rows != {len(model.task.places(size))}:
        raise _fixed(model, size)
    return copy


def _fixed(model, size):
    own, other = ("x".join(map(str, s)) for s in (model.input_shape[1:3], size))
    return ValueError(f"{model.name} is made for {own} pixels alone, not for {other}")
