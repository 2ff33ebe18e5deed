"""A network with real weights: what precision costs where weights mean something."""

import numpy as np
import pytest
from PIL import Image

from kzoo import deploy


def picture(path):
    """The middle 224 x 224 of a picture with a shorter side of 256, as is usual."""
    with Image.open(path) as image:
        scale = 256 / min(image.size)
        size = [round(side * scale) for side in image.size]
        image = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    return np.array(image.crop((left, top, left + 224, top + 224)))


@pytest.mark.slow
def test_int8_names_what_float_names(shared, tmp_path):
    """MobileNetV2 on 100 pictures of ImageNet, calibrated by 100 others.

    87.5 % is what others measured with these weights on all 200 of them.
    """
    from kzoo.models import build

    files = sorted((shared / "data/imagenet200").glob("*.JPEG"))
    weights = shared / "reference/weights/mobilenet_v2_1.0_224_quant_dequant_fp32.npz"
    model = build("mobilenet_v2", weights=weights)
    pictures = [picture(path) for path in files]
    labels = np.array([int(path.name[:4]) for path in files[1::2]])

    def right(path):
        answers = deploy.open(path)(pictures[1::2])
        return np.mean([answer["class"] for answer in answers] == labels)

    whole = deploy.tflite(model, tmp_path / "float.tflite")
    int8 = deploy.tflite(model, tmp_path / "int8.tflite", "int8", pictures[::2])
    assert right(whole) == pytest.approx(0.875, abs=0.05)
    assert right(int8) > right(whole) - 0.03
    assert deploy.size_of(int8) < deploy.size_of(whole) / 3
