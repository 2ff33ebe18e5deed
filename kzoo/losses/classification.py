"""One class out of several."""

from keras import ops


def softmax_cross_entropy(labels, logits, label_smoothing=0.0):
    """Cross entropy of each example, (...) float32.

    Args:
      labels: (...) whole numbers, or (..., K) probabilities as MixUp makes them. A
        number outside of 0..K-1 (255, say) has no class and its loss is 0.
      logits: (..., K).
      label_smoothing: this much of the truth is spread over all classes evenly
        (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7).
    """
    logits = ops.cast(logits, "float32")
    classes = logits.shape[-1]
    if len(labels.shape) < len(logits.shape):
        labels = ops.one_hot(ops.cast(labels, "int32"), classes)
    labels = ops.cast(labels, "float32")
    known = ops.sum(labels, axis=-1, keepdims=True)
    labels = (1.0 - label_smoothing) * labels + known * label_smoothing / classes
    return -ops.sum(labels * ops.log_softmax(logits, axis=-1), axis=-1)


def hinge(labels, logits, power=1):
    """The multiclass SVM's loss of each example, (B,) float32.

    Sum over the wrong classes of max(0, 1 + their score - the right one's) ** power
    (Weston and Watkins 1999); power 2 is the squared hinge.

    Args:
      labels: (B,) whole numbers.
      logits: (B, K).

    Raises:
      ValueError: for labels (B, K), as mixed pictures have: a margin has one class.
    """
    if len(labels.shape) > 1:
        raise ValueError("the hinge loss takes one label a picture: mix no pictures")
    logits = ops.cast(logits, "float32")
    right = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
    score = ops.sum(right * logits, axis=-1, keepdims=True)
    margins = ops.maximum(0.0, 1.0 + logits - score) * (1.0 - right)
    known = ops.sum(right, axis=-1)
    return known * ops.sum(margins**power, axis=-1)


def squared_hinge(labels, logits):
    """`hinge` of power 2."""
    return hinge(labels, logits, power=2)


def maximum_a_posteriori(labels, logits, rubbish=20.0):
    """LeNet-5's loss of each example, (B,) float32: LeCun et al. 1998, equation 9.

    The cross entropy with one class more, of what is no character, whose penalty is
    `rubbish`: classes that are further away than that are not pushed any further. The
    paper names no number; halfway between two digits' codes is 12 to 50 from both.

    Args:
      labels: (B,) whole numbers, or (B, K) shares as mixed pictures have.
      logits: (B, K), penalties (squared distances) with a minus.
    """
    logits = ops.cast(logits, "float32")
    if len(labels.shape) < len(logits.shape):
        labels = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1])
    labels = ops.cast(labels, "float32")
    none = ops.full_like(logits[..., :1], -rubbish)
    total = ops.logsumexp(ops.concatenate([logits, none], axis=-1), axis=-1)
    return ops.sum(labels, axis=-1) * total - ops.sum(labels * logits, axis=-1)
