"""Classification: logits (B, K) are the scores of K classes, one of which is true."""

from keras import ops

from kzoo.losses.classification import (
    hinge,
    maximum_a_posteriori,
    softmax_cross_entropy,
    squared_hinge,
)
from kzoo.ops.native import global_sum

LOSSES = {
    "cross_entropy": softmax_cross_entropy,
    "hinge": hinge,
    "squared_hinge": squared_hinge,
    "maximum_a_posteriori": maximum_a_posteriori,
}


class Classification:
    """What a classifier's raw outputs mean: logits (B, K), or a dict of these as
    "logits" and of other heads' that only help to learn, as "auxiliary1" ...

    Attributes:
      class_names: K names; numbers until somebody gives better ones.
      loss: one of `LOSSES`.
      label_smoothing: share of the truth that is spread over all classes.
      auxiliary_weight: of an auxiliary head's loss.
    """

    name = "classification"

    def __init__(self, classes, loss="cross_entropy", auxiliary_weight=0.3):
        self.class_names = [str(i) for i in range(classes)]
        self.loss = loss
        self.label_smoothing = 0.0
        self.auxiliary_weight = auxiliary_weight

    def settings(self):
        """What `kzoo.save` keeps beside the architecture."""
        return {
            "loss": self.loss,
            "label_smoothing": self.label_smoothing,
            "auxiliary_weight": self.auxiliary_weight,
        }

    def losses(self, model, images, targets, training):
        """{"cross_entropy": () float32}, the mean over the global batch.

        Its key is the loss's name; an auxiliary head's is the head's.

        Args:
          images: (B, H, W, 3).
          targets: labels (B,) int, or (B, K) float after mixing pictures.
        """
        outputs = model(images, training=training)
        return self.output_losses(outputs, targets, images.shape[1:3])

    def output_losses(self, outputs, targets, image_size):
        heads = outputs if isinstance(outputs, dict) else {"logits": outputs}
        count = global_sum(ops.cast(ops.shape(heads["logits"])[0], "float32"))
        losses = {}
        for name, logits in heads.items():
            mean = ops.sum(self._each(targets, logits)) / count
            if name == "logits":
                losses[self.loss] = mean
            else:
                losses[name] = self.auxiliary_weight * mean
        return losses

    def _each(self, labels, logits):
        """The loss of each example, (B,)."""
        if self.loss == "cross_entropy":
            return softmax_cross_entropy(labels, logits, self.label_smoothing)
        if self.loss not in LOSSES:
            raise ValueError(f"no loss {self.loss!r}; kzoo has {', '.join(LOSSES)}")
        return LOSSES[self.loss](labels, logits)

    def results(self, outputs, image_size=None):
        """{"scores": (B, K) probabilities, "classes": (B,) int32} of logits."""
        if isinstance(outputs, dict):
            outputs = outputs["logits"]
        scores = ops.softmax(ops.cast(outputs, "float32"))
        # top_k, since ops.argmax needs operations that TFLite does not have.
        classes = ops.top_k(scores, 1)[1][..., 0]
        return {"scores": scores, "classes": ops.cast(classes, "int32")}

    def evaluator(self):
        from kzoo.metrics.classification import AccuracyEvaluator

        return AccuracyEvaluator(self.class_names)
