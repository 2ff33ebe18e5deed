"""Our networks compute what independent ones do, given the same weights.

Both get drawn weights (`tests.golden.draw`), ours through the converter that users
get. This alone sees stride placement, padding, epsilon, order of channels or a missing
ReLU, which no count of weights does. Tolerance: 1e-4 of the largest absolute value
(measured: 1e-6; an epsilon of 1e-4 for 1e-5 gives 1e-3).
"""

import math

import numpy as np
import pytest

from kzoo import models, weights
from tests.golden import draw
from tests.golden.reference import FOLDER, about

QUICK = 3e6  # parameters


def cases():
    for path in sorted(FOLDER.glob("*.npz")):
        size = sum(math.prod(shape) for shape in about(path)["shapes"].values())
        slow = [pytest.mark.slow] if size > QUICK else []
        yield pytest.param(path, id=path.stem, marks=slow)


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("path", cases())
def test_logits_and_features_are_the_references(path):
    with np.load(path) as golden:
        expected = dict(golden)
    del expected["about"]
    facts = about(path)
    shape = (*facts["size"], 3)
    drawn = draw.weights(facts["shapes"])
    model = models.build(facts["builder"], input_shape=shape, **facts["arguments"])
    weights.load(model, drawn)
    pictures = draw.pictures(2, *facts["size"])
    draw.assert_close(model(pictures, training=False), expected.pop("logits"))
    if not expected:
        return
    arguments = {**facts["arguments"], "classes": None}
    features = models.build(facts["builder"], input_shape=shape, **arguments)
    weights.load(features, drawn)
    outputs = features(pictures, training=False)
    for level, summary in expected.items():
        draw.assert_close(draw.summary(outputs[level]), summary)


def test_every_classifier_has_a_golden():
    """Or says here why it needs none."""
    proven = {about(path)["builder"] for path in FOLDER.glob("*.npz")}
    # In test_darknet_parity.py; `extraction` in the YOLO v1 that stands on it.
    proven |= {"darknet19", "darknet_reference", "extraction", "extraction_bn"}
    assert set(models.names("classification")) - proven == set()
