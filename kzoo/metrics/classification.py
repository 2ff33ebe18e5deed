"""How often the right class is named: top-1 and top-5 accuracy."""

import numpy as np

from kzoo.metrics import checked


class AccuracyEvaluator:
    """Counts pictures whose label is among the best scores.

    Of classes with equal scores the lower one comes first, so that a network which
    says the same about every class is not counted as right about all of them.
    """

    def __init__(self, class_names):
        self.class_names = checked.class_names(class_names)
        self._labels, self._ranks = [], []

    def update(self, targets, results):
        """Adds a batch: B labels, and B dictionaries with "scores" (K,).

        Scores may be probabilities or logits: only their order counts.

        Raises:
          ValueError: shapes do not fit, a label is out of range, a score is NaN.
        """
        labels, classes = np.asarray(targets), len(self.class_names)
        scores = [np.asarray(result["scores"], "float64") for result in results]
        shapes = {x.shape for x in scores} - {(classes,)}
        if shapes or labels.shape != (len(scores),):
            raise ValueError(
                f"each picture needs one label and scores ({classes},); labels have "
                f"shape {labels.shape}, {len(scores)} scores {shapes or ''}"
            )
        checked.check_range(labels, classes, "label")
        if np.any(np.isnan(scores)):
            raise ValueError("scores have NaN")
        for label, row in zip(labels.tolist(), scores):
            order = np.argsort(-row, kind="stable")
            self._labels.append(label)
            self._ranks.append(int(np.argmax(order == label)))

    def result(self):
        """Returns {"top1", "top5", "per_class": {name: top-1}}, in 0..1.

        None where there is nothing to count; also for top5 of up to five classes,
        which is always 1.
        """
        labels, ranks = np.array(self._labels), np.array(self._ranks)
        classes = range(len(self.class_names))
        per_class = {
            self.class_names[i]: _mean(ranks[labels == i] < 1) for i in classes
        }
        top5 = _mean(ranks < 5) if len(self.class_names) > 5 else None
        return {"top1": _mean(ranks < 1), "top5": top5, "per_class": per_class}


def _mean(array):
    return float(np.mean(array)) if len(array) else None
