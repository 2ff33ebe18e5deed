"""Classifiers of each kind learn 32 drawn pictures by heart.

Gradients that exist may still point nowhere, and statistics that nobody updates show
only in use. `python -m benchmarks.overfit` does it for every classifier.
"""

import numpy as np
import pytest

from benchmarks import overfit

# One for each idea: those that take the least time.
NAMES = (
    "alexnet",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_resnet_v1",
    "lenet5",
    "linear_classifier",
    "mobilenet_v1",
    "resnet18",
    "resnet50_v2",
    "shufflenet_v1",
    "vgg11",
    "vit_b16",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_learns_32_pictures_by_heart(name):
    model, images, labels = overfit.small(name)
    before = [w.numpy() for w in model.trainable_weights]
    done = overfit.by_heart(model, images, labels, progress=False)
    assert done.value == 1.0, f"{done.value} after {done.steps} steps"
    for weight, value in zip(model.trainable_weights, before):
        assert np.any(weight.numpy() != value), weight.path


def test_the_pictures_are_of_few_classes_and_all_different():
    images, labels = overfit.pictures(32)
    assert images.shape == (overfit.PICTURES, 32, 32, 3)
    assert set(labels) == {0, 1, 2, 3}
    assert len({image.tobytes() for image in images}) == len(images)
