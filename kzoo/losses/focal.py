"""Focal loss, Lin et al., ICCV 2017, https://arxiv.org/abs/1708.02002."""

from keras import ops


def sigmoid_focal(targets, logits, alpha=0.25, gamma=2.0):
    """Binary cross entropy with easy examples turned down, section 3, equation 5.

    Args:
      targets: (...), 0 or 1.
      logits: (...), of the same shape.
      alpha: weight of targets 1; 1 - alpha is that of targets 0.
      gamma: how far easy examples are turned down; 0 is cross entropy.

    Returns:
      (...) float32, one loss for each logit.
    """
    # Keras' BinaryFocalCrossentropy means over classes, and has no alpha unless told.
    targets, logits = ops.cast(targets, "float32"), ops.cast(logits, "float32")
    right = (2.0 * targets - 1.0) * logits
    # -log of the probability of the truth; with `right` added, -log of the rest. In
    # logarithms nothing is 0 to the power of gamma, whose gradient may be NaN.
    cross_entropy = ops.softplus(-right)
    difficulty = ops.exp(-gamma * (right + cross_entropy))
    weight = alpha * targets + (1.0 - alpha) * (1.0 - targets)
    return weight * difficulty * cross_entropy
