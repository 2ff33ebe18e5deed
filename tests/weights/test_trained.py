"""Real trained weights recognize real pictures; skipped where there are none."""

import numpy as np
import pytest
from PIL import Image

from kzoo import models

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(shared):
    """200 pictures; a name begins with the class id."""
    found = sorted((shared / "data/imagenet200").glob("*.JPEG"))
    if not found:
        pytest.skip("no ImageNet pictures")
    return found


def cropped(file, size, crop):
    """The middle `crop` pixels of a picture of a size, or of a shorter side."""
    with Image.open(file) as picture:
        picture = picture.convert("RGB")
        if isinstance(size, int):
            scale = size / min(picture.size)
            size = [round(side * scale) for side in picture.size]
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = ((side - crop) // 2 for side in picture.size)
        return np.array(picture.crop((left, top, left + crop, top + crop)))


def test_mobilenet_v1_reaches_what_independent_code_measured(shared, files):
    weights = shared / "reference/weights/mobilenet_v1_1.0_224_dequant_fp32.npz"
    model = models.mobilenet_v1(weights=weights)
    pictures = np.stack([cropped(file, 256, 224) for file in files])
    expected = shared / "reference/expected/mobilenet_v1_1.0_224.npz"
    assert_answers(model, pictures, files, (90.0, 98.0), expected)


def test_mobilenet_v2_reaches_what_independent_code_measured(shared, files):
    name = "mobilenet_v2_1.0_224_quant"
    weights = shared / f"reference/weights/{name}_dequant_fp32.npz"
    model = models.mobilenet_v2(weights=weights)
    pictures = np.stack([cropped(file, 256, 224) for file in files])
    expected = shared / f"reference/expected/{name}.npz"
    assert_answers(model, pictures, files, (87.5, 99.0), expected)


def test_squeezenet_reaches_what_independent_code_measured(shared, files):
    """Caffe's way with a picture: its sides are squashed to 256."""
    weights = shared / "reference/weights/squeezenet1_1_fp32.npz"
    model = models.squeezenet1_1(weights=weights)
    pictures = np.stack([cropped(file, (256, 256), 227) for file in files])
    expected = shared / "reference/expected/squeezenet_v1.1_ncnn_fp16.npz"
    assert_answers(model, pictures, files, (69.5, 90.5), expected)


def assert_answers(model, pictures, files, scores, expected):
    """Top-1 and top-5 in %, within one picture of 200, and nearly all first answers.

    5 seconds on two cores. For MobileNet the others' pixels were (x - 128) / 128,
    ours are x / 127.5 - 1.
    """
    labels = np.array([int(file.name.split("_")[0]) for file in files])
    best = np.argsort(-model.predict(pictures, batch_size=20, verbose=0))[:, :5]
    right = best == labels[:, None]
    assert abs(100 * np.mean(right[:, 0]) - scores[0]) <= 0.5
    assert abs(100 * np.mean(np.any(right, axis=1)) - scores[1]) <= 0.5
    with np.load(expected) as theirs:
        assert np.mean(best[:, 0] == theirs["top5"][:, 0]) >= 0.98
