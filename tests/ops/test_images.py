"""letterbox: the same pixels in Keras, tf.data, LiteRT and ONNX; boxes come back."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops.images import letterbox
from tests import golden

SIZES = [(50, 100), (100, 50), (64, 48), (1, 1), (1, 300), (300, 1), (37, 91), (48, 64)]
HEIGHT, WIDTH = 48, 64


def picture(height, width, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, channels), dtype="uint8")


def extent(height, width):
    """Of the picture in the canvas, in words of the definition."""
    scale = min(HEIGHT / height, WIDTH / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


@pytest.mark.parametrize("size", SIZES)
def test_aspect_is_kept_and_the_rest_is_black(size):
    image = picture(*size) // 2 + 100
    boxed, scale = letterbox(image, HEIGHT, WIDTH)
    height, width = extent(*size)
    assert boxed.shape == (HEIGHT, WIDTH, 3) and boxed.dtype == "float32"
    np.testing.assert_allclose(scale, [width / size[1], height / size[0]], rtol=1e-6)
    assert np.min(boxed[:height, :width]) >= 100
    assert np.max(boxed[height:], initial=0) == 0
    assert np.max(boxed[:, width:], initial=0) == 0


def test_a_picture_of_the_right_size_stays():
    image = picture(HEIGHT, WIDTH)
    boxed, scale = letterbox(image, HEIGHT, WIDTH)
    np.testing.assert_array_equal(boxed, image)
    np.testing.assert_array_equal(scale, [1, 1])


@pytest.mark.parametrize("size", [(3, 4), (5, 7), (11, 16)])
def test_pixels_equal_torch(size):
    """torch's bilinear has the same pixel centres and no antialias; a picture of
    7 x 10 fills each of these canvases."""
    expected = golden.load("ops")
    boxed, _ = letterbox(expected["resize_picture"], *size)
    theirs = expected["resize_{}_{}".format(*size)]
    np.testing.assert_allclose(boxed, theirs, atol=1e-3)


def test_a_painted_box_comes_back():
    image = np.zeros((60, 90, 3), "uint8")
    image[12:36, 30:72] = 255
    boxed, scale = letterbox(image, HEIGHT, WIDTH)
    rows, columns = np.where(np.asarray(boxed)[..., 0] > 127)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(box / np.tile(scale, 2), [30, 12, 72, 36], atol=1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [(), (2,)])
def test_a_graph_that_does_not_know_the_size_gives_the_same(size, batch):
    images = np.broadcast_to(picture(*size), (*batch, *size, 3))
    boxed, scale = unknown_size(len(batch))(images)
    expected, expected_scale = letterbox(images, HEIGHT, WIDTH)
    np.testing.assert_array_equal(boxed, expected)
    np.testing.assert_array_equal(scale, expected_scale)


def unknown_size(batch_axes):
    shape = [None] * (batch_axes + 2) + [3]
    return tf.function(
        lambda images: letterbox(images, HEIGHT, WIDTH),
        input_signature=[tf.TensorSpec(shape, tf.uint8, name="images")],
    )


def test_sizes_round_alike_whether_known_or_not():
    """Halves above all: 256 x 101 to 128 x 50.5."""
    graph = tf.function(
        lambda images: letterbox(images, 128, 128)[1],
        input_signature=[tf.TensorSpec((None, None, 1), tf.uint8)],
    )
    rng = np.random.default_rng(0)
    sizes = [
        (256, 101),
        (101, 256),
        (256, 103),
        (64, 33),
        *rng.integers(1, 3000, (60, 2)),
    ]
    for height, width in sizes:
        image = np.zeros((height, width, 1), "uint8")
        known = letterbox(image, 128, 128)[1]
        np.testing.assert_array_equal(graph(image), known, err_msg=f"{height}, {width}")


def test_tf_data_keeps_the_static_shape():
    dataset = tf.data.Dataset.from_generator(
        lambda: (picture(*size) for size in SIZES),
        output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
    ).map(lambda image: letterbox(image, HEIGHT, WIDTH))
    assert dataset.element_spec[0].shape == (HEIGHT, WIDTH, 3)
    for size, (boxed, _) in zip(SIZES, dataset):
        expected, _ = letterbox(picture(*size), HEIGHT, WIDTH)
        np.testing.assert_array_equal(boxed, expected)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_grey_and_transparent_pictures_of_any_type(channels, dtype):
    image = picture(20, 30, channels).astype(dtype)
    boxed, _ = letterbox(image, HEIGHT, WIDTH)
    assert boxed.shape == (HEIGHT, WIDTH, channels) and boxed.dtype == "float32"


def test_onnx_gives_the_same_for_any_size():
    import onnxruntime
    import tf2onnx

    function = unknown_size(1)
    proto, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=17
    )
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    for size in SIZES:
        images = np.stack([picture(*size), picture(*size)[::-1]])
        boxed, scale = session.run(None, {"images": images})
        expected, expected_scale = letterbox(images, HEIGHT, WIDTH)
        np.testing.assert_allclose(boxed, expected, atol=2e-3)
        np.testing.assert_allclose(scale, expected_scale, rtol=1e-6)
