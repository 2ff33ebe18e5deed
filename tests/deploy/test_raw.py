"""The network inside a file that also has NMS inside."""

import numpy as np
import pytest

from kzoo import deploy
from kzoo.deploy.raw import _raw_outputs, raw_errors

EXACT = ["saved_model", "tflite_float32", "onnx"]


@pytest.mark.parametrize("name", EXACT)
def test_raw_outputs_of_a_shipped_file_are_the_networks(name, model, file, pictures):
    found = _raw_outputs(file(name), [picture[None] for picture in pictures])
    expected = model.predict(np.stack(pictures), verbose=0)
    for key in ("logits", "deltas"):
        rows = np.concatenate([row[key] for row in found])
        np.testing.assert_allclose(rows, expected[key], atol=1e-4)


def test_errors_grow_as_precision_falls(model, file, pictures):
    names = [*EXACT, "tflite_float16", "tflite_int8"]
    files = [file(name) for name in names]
    *exact, half, int8 = raw_errors(model, files, pictures)
    assert max(exact) < 1e-4 < half < 0.005 < int8 < 0.1


def test_the_error_by_hand(model, file, pictures):
    """A bias 0.1 higher: a probability p becomes 0.1 p (1 - p) higher; boxes stay."""
    bias = next(v for v in model.variables if "logits_conv/bias" in v.path)
    before = bias.numpy()
    p = model.predict(np.stack(pictures), verbose=0)["logits"]
    p = 1 / (1 + np.exp(-p))
    bias.assign(before + 0.1)
    try:
        (error,) = raw_errors(model, [file("onnx")], pictures)
    finally:
        bias.assign(before)
    assert error == pytest.approx(0.1 * np.max(p * (1 - p)), rel=0.05)


def test_a_classifiers_error(classifier, tmp_path):
    path = deploy.onnx(classifier, tmp_path / "x.onnx")
    pictures = list(np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), "uint8"))
    assert raw_errors(classifier, [path], pictures)[0] < 1e-5


def test_no_picture_no_error(model, file):
    assert raw_errors(model, [file("onnx")], []) == [0.0]
