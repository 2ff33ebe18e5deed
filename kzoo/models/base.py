"""The class of every model: a functional keras.Model that knows its task."""

import keras


@keras.saving.register_keras_serializable("kzoo")
class Model(keras.Model):
    """A functional model from pictures (B, H, W, 3) to raw outputs.

    Attributes:
      task: what the raw outputs mean (`kzoo.tasks`); None for bare features.
      spec: what builds the model again (`kzoo.models.registry.Spec`).
    """

    task = None
    spec = None

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **_):
        """The task's losses, so that `compile(optimizer)` and `fit` just work.

        `kzoo.train` is the loop that recipes use: it also resumes exactly and
        runs on several workers, where `fit` does not.
        """
        if self.task is None:
            raise ValueError(
                f"{self.name} has no task to learn: it was built with classes=None"
            )
        terms = self.task.output_losses(y_pred, y, image_size=x.shape[1:3])
        return sum(terms.values())

    def get_config(self):
        """The builder's name and arguments: `.keras` files need no more."""
        if self.spec is None:
            raise ValueError(f"{self.name} was not made by a kzoo builder")
        return {"builder": self.spec.builder, "arguments": self.spec.arguments}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from kzoo.models.registry import build

        return build(config["builder"], **config["arguments"])
