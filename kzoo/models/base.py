"""The class of every model: a functional keras.Model that knows its task."""

import math

import keras

# What a task's setting is, what a file may say in its place, and how that is called.
# A bool is an int to Python.
_KINDS = {
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
    float: ((int, float), "a finite number"),
    str: (str, "text"),
}


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
        """All that `.keras` files and `kzoo.save` need beside the weights."""
        if self.spec is None:
            raise ValueError(f"{self.name} was not made by a kzoo builder")
        return {
            "builder": self.spec.builder,
            "arguments": self.spec.arguments,
            "class_names": list(self.task.class_names) if self.task else None,
            "task": self.task.settings() if self.task else None,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from kzoo.models.registry import build

        model = build(config["builder"], **config["arguments"])
        if model.task:
            _restore(model.task, config["class_names"], config["task"])
        return model


def _restore(task, class_names, settings):
    """Gives a task the names and settings of a file, which may have been edited."""
    count = len(task.class_names)
    is_text = isinstance(class_names, list) and {str} >= set(map(type, class_names))
    if not is_text or len(class_names) != count:
        raise ValueError(f"class_names are {count} names here, not {class_names}")
    known = task.settings()
    if not isinstance(settings, dict) or not set(settings) <= set(known):
        raise ValueError(f"the task has settings {', '.join(known)}, not {settings}")
    for name, value in settings.items():
        _check_setting(name, value, known[name])
    task.class_names = class_names
    vars(task).update(settings)


def _check_setting(name, value, usual):
    """Refuses what is not of the kind that the builder's own setting is of."""
    kind = next(k for k in _KINDS if isinstance(usual, k))
    wanted, says = _KINDS[kind]
    fits = isinstance(value, wanted) and isinstance(value, bool) == (kind is bool)
    if not fits or kind is float and not math.isfinite(value):
        raise ValueError(f"the setting {name} is {says}, not {value!r}")
