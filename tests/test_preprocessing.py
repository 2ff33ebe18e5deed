"""Pixels worked by hand for each mode, and how little they depend on anything else."""

import keras
import numpy as np
import pytest

from kzoo.preprocessing import MODES, Preprocess

# RGB, one value inside and both ends of the range.
PIXEL = (0, 100, 255)
BY_HAND = {
    # (x / 255 - mean) / deviation: (0 - .485) / .229, (.392157 - .456) / .224,
    # (1 - .406) / .225
    "torch": (-2.117904, -0.285014, 2.64),
    # x / 127.5 - 1
    "tf": (-1.0, -0.215686, 1.0),
    # blue, green, red minus 103.939, 116.779, 123.68
    "caffe": (151.061, -16.779, -123.68),
    "bvlc": (151.0, -17.0, -123.0),
    "bn_inception": (151.0, -17.0, -128.0),
    # blue, green, red: (x - 127.5) * 0.007843
    "mobilenet_ssd": (0.9999825, -0.2156825, -0.9999825),
    "megvii": (255.0, 100.0, 0.0),
    "unit": (0.0, 0.392157, 1.0),
    "none": (0.0, 100.0, 255.0),
    # 0.587 * 100 + 0.114 * 255 = 87.77
    "grey": (0.344196,),
    "caffe_grey": (0.342852,),
    "lenet": (0.33885,),
}


def picture(dtype):
    return np.array([[[PIXEL]]], dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float16"])
def test_a_pixel_by_hand(mode, dtype):
    result = keras.ops.convert_to_numpy(Preprocess(mode)(picture(dtype)))
    assert result.dtype == np.float32
    assert result.shape[-1] == len(BY_HAND[mode])
    np.testing.assert_allclose(result[0, 0, 0], BY_HAND[mode], rtol=1e-5, atol=1e-6)


def test_an_unknown_mode_gets_the_choices():
    with pytest.raises(ValueError, match="no preprocessing 'bgr'; kzoo has torch, tf"):
        Preprocess("bgr")


def test_half_precision_rounds_the_result_and_not_the_pixels():
    """bfloat16 holds 8 bits: 255 would become 256 before the subtraction."""
    layer = Preprocess("caffe", dtype="mixed_bfloat16")
    result = layer(np.full((1, 1, 1, 3), 255.0, "float32"))
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    red = float(keras.ops.cast(result, "float32")[0, 0, 0, 2])
    # 131.32; bfloat16 has steps of 1 there.
    assert red == 131.0


def test_it_is_built_again_from_its_config():
    layer = Preprocess("caffe", name="pixels")
    again = Preprocess.from_config(layer.get_config())
    assert (again.mode, again.name) == ("caffe", "pixels")


def test_any_number_of_pictures_of_any_size():
    layer = Preprocess("unit")
    for shape in ((3,), (5, 3), (2, 4, 6, 3), (0, 4, 4, 3)):
        assert layer(np.zeros(shape, "uint8")).shape == shape
