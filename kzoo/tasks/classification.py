"""Classification: logits (B, K) are the scores of K classes, one of which is true."""

from keras import ops

from kzoo.losses import softmax_cross_entropy
from kzoo.ops.native import global_sum


class Classification:
    """What a classifier's logits mean.

    Attributes:
      class_names: K names; numbers until somebody gives better ones.
      label_smoothing: share of the truth that is spread over all classes.
    """

    name = "classification"

    def __init__(self, classes):
        self.class_names = [str(i) for i in range(classes)]
        self.label_smoothing = 0.0

    def settings(self):
        """What `kzoo.save` keeps beside the architecture."""
        return {"label_smoothing": self.label_smoothing}

    def losses(self, model, images, targets, training):
        """{"cross_entropy": () float32}, the mean over the global batch.

        Args:
          images: (B, H, W, 3).
          targets: labels (B,) int, or (B, K) float after mixing pictures.
        """
        outputs = model(images, training=training)
        return self.output_losses(outputs, targets, images.shape[1:3])

    def output_losses(self, outputs, targets, image_size):
        losses = softmax_cross_entropy(targets, outputs, self.label_smoothing)
        count = global_sum(ops.cast(ops.shape(outputs)[0], "float32"))
        return {"cross_entropy": ops.sum(losses) / count}

    def results(self, outputs, image_size=None):
        """{"scores": (B, K) probabilities, "classes": (B,) int32} of logits."""
        scores = ops.softmax(ops.cast(outputs, "float32"))
        # top_k, since ops.argmax needs operations that TFLite does not have.
        classes = ops.top_k(scores, 1)[1][..., 0]
        return {"scores": scores, "classes": ops.cast(classes, "int32")}

    def evaluator(self):
        from kzoo.metrics.classification import AccuracyEvaluator

        return AccuracyEvaluator(self.class_names)
