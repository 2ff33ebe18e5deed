"""A linear probe: a network's features as they are, and a new linear head for them.

Razavian et al. 2014, https://arxiv.org/abs/1403.6382. The head is found by scikit-learn
and becomes the network's own last layer, so that the model saves and exports like any.
"""

import keras
import numpy as np

PROBES = ("svm", "softmax")


def probe(model, batches, kind="softmax", strength=1.0):
    """Replaces the weights of `model`'s last layer.

    Args:
      model: a classifier whose layer "logits" is dense.
      batches: an iterable of (images, labels), seen once.
      kind: "svm", one against all others with the squared hinge loss, or "softmax".
      strength: scikit-learn's C, the inverse of the regularization.

    Raises:
      ValueError: there is no such probe, or the head is no dense layer.
    """
    # A second that others need not wait for.
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if kind not in PROBES:
        raise ValueError(f"no probe {kind!r}; kzoo has {', '.join(PROBES)}")
    head = _head(model)
    features = keras.Model(model.inputs, head.input)
    rows = [(features(x, training=False), labels) for x, labels in batches]
    x = np.concatenate([np.asarray(rows, "float32") for rows, _ in rows])
    labels = np.concatenate([np.asarray(labels) for _, labels in rows])
    mean, spread = x.mean(0), x.std(0) + 1e-6
    if kind == "svm":
        found = LinearSVC(C=strength, dual="auto", random_state=0)
    else:
        found = LogisticRegression(C=strength, max_iter=1000)
    found.fit((x - mean) / spread, labels)
    _put(head, found, mean, spread)


def _head(model):
    head = next((x for x in model.layers if x.name == "logits"), None)
    if not isinstance(head, keras.layers.Dense):
        raise ValueError(
            f"{model.name} has no dense layer 'logits' that a probe could replace"
        )
    return head


def _put(head, found, mean, spread):
    """The probe's weights as those of the layer, which sees features as they are."""
    rows, biases = found.coef_, found.intercept_
    if len(found.classes_) == 2:
        # scikit-learn has one row for two classes: their difference.
        rows, biases = np.stack([-rows[0], rows[0]]) / 2, np.array([-1, 1]) * biases / 2
    rows = rows / spread
    kernel = np.zeros(head.kernel.shape)
    # A class that no picture had is never the answer.
    bias = np.full(kernel.shape[1], -1e3)
    kernel[:, found.classes_] = rows.T
    bias[found.classes_] = biases - rows @ mean
    head.kernel.assign(kernel.astype("float32"))
    head.bias.assign(bias.astype("float32"))
