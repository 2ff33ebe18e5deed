"""Real trained weights recognize real pictures; skipped where there are none."""

import gzip
import shutil

import numpy as np
import pytest
from PIL import Image

from kzoo import models, weights
from kzoo.weights import download

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


@pytest.fixture
def downloaded(shared, tmp_path, monkeypatch):
    """Real files lie where their downloads would, and nothing is downloaded."""
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path))
    monkeypatch.setenv("KZOO_OFFLINE", "1")
    for row in weights.table():
        file = shared / "reference/weights" / download.place(row.url).name
        if file.is_file():
            place = download.place(row.url)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)


def accuracy(model, images, labels):
    logits = model.predict(images, batch_size=250, verbose=0)
    return 100 * np.mean(np.argmax(logits, axis=-1) == labels)


@pytest.mark.parametrize("name, score", [("resnet20", 91.5), ("resnet32", 92.8)])
def test_resnets_of_cifar_by_the_name_of_their_set(shared, downloaded, name, score):
    """PyTorch's files of before 1.6, whose names have their hashes; 1,000 pictures."""
    with np.load(shared / "data/cifar10/cifar10_test1k.npz") as data:
        images, labels = data["images"], data["labels"]
    model = models.build(f"{name}_cifar", weights="cifar10")
    assert abs(accuracy(model, images, labels) - score) <= 0.1
    assert model.task.class_names[:2] == ["airplane", "automobile"]


def test_lenet_of_caffe_by_the_name_of_its_set(shared, downloaded):
    """All 10,000 test digits of MNIST."""
    folder = shared / "data/mnist"
    pixels = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    digits = np.frombuffer(pixels, "uint8", offset=16).reshape(-1, 28, 28, 1)
    labels = np.frombuffer(labels, "uint8", offset=8)
    model = models.lenet5_caffe(weights="mnist")
    images = np.repeat(digits, model.input_shape[-1], axis=-1)
    assert abs(accuracy(model, images, labels) - 99.05) <= 0.005


def test_graphs_of_tflite_hold_what_was_read_from_them_elsewhere(shared):
    """MobileNet v1 ends in features there, v2 in logits."""
    folder = shared / "reference/weights"
    for builder, classes, file, numbers in (
        ("mobilenet_v1", None, "v1_1.0_224_quant_embedding_extractor", "v1_1.0_224"),
        ("mobilenet_v2", 1000, "v2_1.0_224_quant", "v2_1.0_224_quant"),
    ):
        graph, arrays = (
            models.build(builder, classes=classes, weights=folder / name)
            for name in (
                f"mobilenet_{file}.tflite",
                f"mobilenet_{numbers}_dequant_fp32.npz",
            )
        )
        for ours, theirs in zip(graph.weights, arrays.weights, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
