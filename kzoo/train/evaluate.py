"""Scores of a model on a data set: outside the graph, with a progress bar."""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from kzoo.data import truths
from kzoo.prediction import in_pictures
from kzoo.train.devices import distribute


class Evaluation:
    """Calling it gives the task's scores, {"mAP": ...}, with the weights of now.

    Args:
      model: a kzoo model with a task.
      strategy: whose scope the model was made in; all its replicas take part.
      batches: a function of (worker, workers) to a dataset of batches as
        `kzoo.data.batches(..., training=False)` gives them.
      total: how many batches there are.
      progress: whether to show a bar.
    """

    def __init__(self, model, strategy, batches, total, progress=True):
        self.model, self.strategy = model, strategy
        self.total, self.progress = total, progress
        # One stream and one function, traced once for all evaluations of a run.
        self._stream = distribute(strategy, batches)
        self._batch_results = tf.function(self._run, reduce_retracing=True)

    def __call__(self, evaluator=None):
        """The result of an evaluator, by default of the task's own."""
        if evaluator is None:
            evaluator = self.model.task.evaluator()
        bar = tqdm(
            self._stream,
            total=self.total,
            desc="evaluate",
            unit="batch",
            leave=False,
            disable=None if self.progress else True,
        )
        for batch in bar:
            results, rest = self._batch_results(batch)
            self._add(evaluator, _to_numpy(results), _to_numpy(rest))
        return evaluator.result()

    def _run(self, batch):
        """(results, all but the images) of a global batch, on every worker."""
        results = self.strategy.run(self._replica_results, args=(batch["images"],))
        rest = {name: x for name, x in batch.items() if name != "images"}
        return tf.nest.map_structure(self._gather, (results, rest))

    def _replica_results(self, images):
        outputs = self.model(images, training=False)
        return self.model.task.results(outputs, image_size=images.shape[1:3])

    def _gather(self, x):
        """The rows of all replicas, in the order of the batch."""
        if self.strategy.experimental_local_results(x)[0].dtype != tf.bool:
            return self.strategy.gather(x, axis=0)
        # Between processes only numbers travel.
        numbers = self.strategy.run(lambda x: tf.cast(x, tf.int32), args=(x,))
        return tf.cast(self.strategy.gather(numbers, axis=0), tf.bool)

    def _add(self, evaluator, results, rest):
        """Gives the evaluator the pictures that are no padding of the last batch."""
        task = self.model.task
        found = in_pictures(task, results, rest["scale"], rest["size"])
        real = np.flatnonzero(rest["real"])
        evaluator.update(truths(rest), [found[i] for i in real])


def _to_numpy(tensors):
    return tf.nest.map_structure(lambda x: x.numpy(), tensors)
