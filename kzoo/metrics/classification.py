"""How often the right class is named: top-1 and top-5 accuracy."""

import numpy as np


class AccuracyEvaluator:
    """Counts pictures whose label is among the best scores.

    Of classes with equal scores the lower one comes first, so that a network which
    says the same about every class is not counted as right about all of them.
    """

    def __init__(self, class_names):
        self.class_names = [str(name) for name in class_names]
        if not self.class_names or len(set(self.class_names)) < len(self.class_names):
            raise ValueError(
                f"class_names must be different names, at least one: {class_names}"
            )
        self._labels, self._ranks = [], []

    def update(self, targets, results):
        """Adds a batch: labels (B,) and scores (B, K), logits or probabilities.

        Raises:
          ValueError: shapes do not fit, a label is out of range, a score is NaN.
        """
        labels, scores = np.asarray(targets), np.asarray(results)
        classes = len(self.class_names)
        if labels.ndim != 1 or scores.shape != (len(labels), classes):
            raise ValueError(
                f"labels must have shape (B,) and scores (B, {classes}), "
                f"not {labels.shape} and {scores.shape}"
            )
        wrong = [label for label in labels.tolist() if label not in range(classes)]
        if wrong:
            raise ValueError(
                f"label {wrong[0]}, but there are {classes} classes, 0 to {classes - 1}"
            )
        if np.any(np.isnan(scores)):
            raise ValueError("scores have NaN")
        order = np.argsort(-scores.astype("float64"), axis=1, kind="stable")
        ranks = np.argmax(order == labels[:, None], axis=1)
        self._labels.extend(labels.tolist())
        self._ranks.extend(ranks.tolist())

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
