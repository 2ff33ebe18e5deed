"""Any picture goes in; boxes come back in its own pixels."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

import kzoo
from kzoo import models, prediction

SIZE = (64, 64)


@pytest.fixture(scope="module")
def detector():
    """A network that answers at once, with low scores but sure of many boxes."""
    keras.utils.set_random_seed(0)
    model = models.retinanet(
        classes=2, backbone="resnet18(width=0.0625)", input_shape=(*SIZE, 3), filters=8
    )
    model.task.class_names = ["cat", "dog"]
    model.task.score_threshold = 0.0
    return model


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    model = models.resnet18(classes=3, width=0.0625, input_shape=(*SIZE, 3))
    model.task.class_names = ["ant", "bee", "cow"]
    return model


def picture(height, width, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_boxes_are_in_the_pictures_own_pixels(detector):
    """Equal to the network's answer on the letterboxed picture, scaled back by hand."""
    image = picture(32, 128)
    (found,) = kzoo.predict(detector, image)
    # 128 wide becomes 64, so 32 becomes 16: half, at the top of the canvas.
    half = keras.ops.image.resize(image.astype("float32"), (16, 64), antialias=False)
    canvas = np.zeros((1, 64, 64, 3), "float32")
    canvas[0, :16] = half
    results = detector.task.results(detector(canvas), image_size=SIZE)
    boxes = np.clip(2 * np.array(results["boxes"][0]), 0, [128, 32, 128, 32])
    count = int(results["count"][0])
    assert count > 10
    np.testing.assert_allclose(found["boxes"], boxes[:count], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found["scores"], results["scores"][0][:count], rtol=1e-4)
    assert found["boxes"][:, 2].max() > 64
    assert found["boxes"][:, 3].max() <= 32


def test_results_of_detection(detector):
    found = kzoo.predict(detector, picture(50, 40))[0]
    count = len(found["names"])
    assert found["boxes"].shape == (count, 4) and found["boxes"].dtype == np.float32
    assert found["scores"].shape == found["classes"].shape == (count,)
    assert np.all(np.diff(found["scores"]) <= 0)
    assert found["names"] == [["cat", "dog"][c] for c in found["classes"]]


def test_results_of_classification(classifier):
    found = kzoo.predict(classifier, picture(50, 40))[0]
    assert found["scores"].sum() == pytest.approx(1, abs=1e-5)
    assert found["class"] == np.argmax(found["scores"])
    assert found["score"] == found["scores"].max()
    assert found["name"] == ["ant", "bee", "cow"][found["class"]]


def test_one_picture_or_a_list_of_them(classifier, tmp_path):
    image = picture(50, 40)
    path = tmp_path / "picture.png"
    Image.fromarray(image).save(path)
    expected = kzoo.predict(classifier, image)
    assert len(expected) == 1
    for images in ([image], path, str(path), [path], image[None], (image,)):
        found = kzoo.predict(classifier, images)
        assert len(found) == 1
        assert_same(found[0], expected[0])
    assert kzoo.predict(classifier, []) == []


def test_pictures_of_many_sizes_in_several_batches(detector):
    sizes = [(64, 64), (1, 1), (10, 300), (300, 10), (65, 63)]
    images = [picture(*size, seed=i) for i, size in enumerate(sizes)]
    together = kzoo.predict(detector, images, batch_size=2)
    assert len(together) == 5
    for image, found, (height, width) in zip(images, together, sizes):
        limits = [width, height, width, height]
        assert np.all(found["boxes"] >= 0) and np.all(found["boxes"] <= limits)
        alone = kzoo.predict(detector, image)[0]
        np.testing.assert_allclose(alone["scores"], found["scores"], rtol=1e-3)


def test_grey_and_transparent_pictures_are_taken_as_rgb(classifier, tmp_path):
    grey = picture(40, 40, 1)
    rgb = np.repeat(grey, 3, axis=-1)
    expected = kzoo.predict(classifier, rgb)[0]
    Image.fromarray(grey[..., 0]).save(tmp_path / "grey.png")
    rgba = np.concatenate([rgb, picture(40, 40, 1)], axis=-1)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    files = [tmp_path / "grey.png", tmp_path / "rgba.png"]
    for image in (grey, grey[..., 0], rgba, rgb.astype("float64"), *files):
        assert_same(kzoo.predict(classifier, image)[0], expected)


def test_palettes_and_black_and_white(tmp_path):
    white = Image.new("1", (5, 4), 1)
    white.save(tmp_path / "white.png")
    palette = Image.new("P", (5, 4), 0)
    palette.putpalette([10, 20, 30])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(prediction.read(tmp_path / "white.png"), 255)
    result = prediction.read(tmp_path / "palette.png")
    np.testing.assert_array_equal(result, np.broadcast_to([10, 20, 30], (4, 5, 3)))


def test_a_turned_photograph_is_turned_back(tmp_path):
    """EXIF orientation 6: the camera was held upright, so the top is at the right."""
    upright = np.zeros((20, 10, 3), "uint8")
    upright[:5] = [255, 0, 0]
    stored = Image.fromarray(np.rot90(upright).copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(tmp_path / "photo.png", exif=exif)
    assert stored.size == (20, 10)
    np.testing.assert_array_equal(prediction.read(tmp_path / "photo.png"), upright)


def test_a_pixel_becomes_a_canvas(detector):
    (found,) = kzoo.predict(detector, np.full((1, 1, 3), 200, "uint8"))
    assert np.all(found["boxes"] <= 1)


def jpeg():
    buffer = io.BytesIO()
    Image.fromarray(picture(40, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a picture", jpeg()[:100], jpeg()[: len(jpeg()) // 2], b"\x89PNG\r\n"],
    ids=["empty", "text", "head only", "half", "magic only"],
)
def test_a_picture_that_cannot_be_read_is_named(classifier, tmp_path, content):
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="broken.jpg cannot be read as a picture"):
        kzoo.predict(classifier, [picture(4, 4), path])


def test_a_picture_that_is_not_there_is_named(classifier, tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture .*absent.jpg"):
        kzoo.predict(classifier, tmp_path / "absent.jpg")


def test_a_folder_is_no_picture(classifier, tmp_path):
    with pytest.raises(ValueError, match="cannot be read as a picture"):
        kzoo.predict(classifier, tmp_path)


@pytest.mark.parametrize(
    "shape", [(4, 4, 2), (4, 4, 5), (0, 4, 3), (4, 0, 3), (4,), (1, 4, 4, 3), ()]
)
def test_arrays_that_are_no_pictures(classifier, shape):
    with pytest.raises(ValueError, match=r"a picture is \(H, W\).* got "):
        kzoo.predict(classifier, [np.zeros(shape)])


def test_floats_are_rounded_and_kept_in_range():
    image = np.array([[[-5.0, 0.4, 0.6]], [[254.6, 300.0, 1e9]]])
    expected = [[[0, 0, 1]], [[255, 255, 255]]]
    np.testing.assert_array_equal(prediction.read(image), expected)


def test_an_open_input_size_cannot_predict():
    model = models.resnet18(classes=2, width=0.0625, input_shape=(None, None, 3))
    with pytest.raises(ValueError, match=r"build it with input_shape=\(height, width"):
        kzoo.predict(model, picture(8, 8))


def test_features_cannot_predict():
    model = models.resnet18(classes=None, width=0.0625, input_shape=(*SIZE, 3))
    with pytest.raises(ValueError, match="resnet18 gives features"):
        kzoo.predict(model, picture(8, 8))
