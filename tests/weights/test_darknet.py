"""Files of Darknet: what is read, what a model gets of it, what is refused."""

import struct

import numpy as np
import pytest

from kzoo import models, weights
from kzoo.weights.families import PUBLISHED, darknet, recognize
from kzoo.weights.readers import read
from tests.golden import darknet_cases as cases

# What the authors' files have: the bytes behind the header, in float32s.
KNOWN = {
    20_856_776: "darknet19",
    23_455_400: "extraction_bn",
    7_323_480: "darknet_reference",
    50_676_061: "yolo_v2",  # VOC
    50_983_561: "yolo_v2",  # COCO
    15_867_885: "yolo_v2_tiny",
    11_237_145: "yolo_v2_tiny",
    197_328_243: "yolo_v1_darknet",
    27_099_950: "yolo_v1_tiny",
}


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5), (1, 0, 0)])
def test_a_header_of_16_bytes_or_from_version_0_2_on_of_20(version, tmp_path):
    numbers = np.arange(7, dtype="float32")
    cases.write(tmp_path / "a.weights", numbers, version)
    size = (tmp_path / "a.weights").stat().st_size
    assert size == 28 + (20 if version >= (0, 2, 0) else 16)
    (name,), (found,) = zip(*read(tmp_path / "a.weights").items())
    assert name == "darknet/7" and found.dtype == "float32"
    np.testing.assert_array_equal(found, numbers)


@pytest.mark.parametrize(
    "content, match",
    [
        (b"", "0 bytes are no header"),
        (b"\0" * 15, "15 bytes are no header"),
        (struct.pack("<3iq", 0, 2, 0, 5), "0 bytes behind the header"),
        (struct.pack("<3iq", 0, 2, 0, 5) + b"\0" * 6, "6 bytes behind the header"),
        (b"PK\3\4" * 9, "does not read Darknet's version"),
        (struct.pack("<4i", -1, 0, 0, 0) + b"\0" * 8, "version -1.0"),
        (struct.pack("<4i", 2000, 0, 0, 0) + b"\0" * 8, "version 2000.0"),
    ],
)
def test_what_is_no_such_file_is_refused(content, match, tmp_path):
    path = tmp_path / "a.weights"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"cannot be read: .*{match}"):
        read(path)


@pytest.mark.parametrize("count, builder", KNOWN.items())
def test_the_count_of_numbers_says_which_network_it_is(count, builder):
    assert recognize([f"darknet/{count}"]).builders[0] == builder


def test_a_cut_off_file_is_a_classifier_without_its_last_layer():
    """darknet19_448.conv.23 and extraction.conv.weights."""
    for count, builder in ((20_856_776, "darknet19"), (23_455_400, "extraction_bn")):
        layout = recognize([f"darknet/{count - 1000 * 1025}"])
        assert layout.builders[0] == builder


def test_a_number_more_or_less_is_an_error_that_says_what_fits(tmp_path):
    model = models.darknet_reference(input_shape=(64, 64, 3))
    before = [w.numpy() for w in model.weights]
    file = cases.FILES["darknet_reference"]
    numbers = np.zeros(file.numbers + 1, "float32")
    for count, said in ((file.numbers - 1, "7,323,479"), (len(numbers), "7,323,481")):
        cases.write(tmp_path / "a.weights", numbers[:count])
        with pytest.raises(ValueError, match=f"{said} numbers are too few or too many"):
            weights.load(model, tmp_path / "a.weights")
    for weight, value in zip(model.weights, before):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_a_file_of_another_network_is_refused(tmp_path):
    file = cases.FILES["yolo_v2_tiny_coco"]
    cases.write(tmp_path / "a.weights", np.zeros(file.numbers, "float32"))
    model = models.darknet_reference(input_shape=(64, 64, 3))
    with pytest.raises(ValueError, match="darknet_reference"):
        weights.load(models.darknet19(input_shape=(64, 64, 3)), tmp_path / "a.weights")
    # But what it shares with a classifier can be taken.
    features = models.darknet_reference(classes=None, input_shape=(64, 64, 3))
    assert weights.load_backbone(features, tmp_path / "a.weights").loaded
    assert model.name == "darknet_reference"


def test_a_classifiers_file_warms_a_detector_up(tmp_path):
    file = cases.FILES["darknet_reference"]
    numbers = cases.drawn(file.layers())
    cases.write(tmp_path / "darknet.weights", numbers)
    detector = models.yolo_v2_tiny(classes=3, input_shape=(64, 64, 3))
    report = weights.load(detector, tmp_path / "darknet.weights")
    assert "stage1_1_conv/kernel" in report.loaded
    assert "logits/kernel" in report.skipped and "head_logits/kernel" in report.kept
    kernel = detector.get_layer("stage1_1_conv").kernel.numpy()
    theirs = numbers[64 : 64 + kernel.size].reshape(16, 3, 3, 3)
    np.testing.assert_array_equal(kernel, theirs.transpose(2, 3, 1, 0))


def test_a_variance_is_moved_so_that_the_quotient_is_theirs():
    """1 / (sqrt(v) + 1e-6), also where v is as small as our epsilon."""
    variance = np.float32([1e-5, 1e-4, 0.01, 1.0, 100.0])
    layers = [("a_bn/moving_variance", (5,))]
    found = darknet.ours(layers, variance)["a_bn/moving_variance"]
    ours = 1 / np.sqrt(found.astype("float64") + 1e-6)
    theirs = 1 / (np.sqrt(variance.astype("float64")) + 1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    dead = darknet.ours(layers, np.zeros(5, "float32"))["a_bn/moving_variance"]
    np.testing.assert_array_equal(dead, 0)


def test_classes_get_the_usual_order():
    """Darknet's first class is a kit fox, everybody else's a tench."""
    logits = darknet.ours([("logits/bias", (1000,))], np.arange(1000, dtype="float32"))
    order = logits["logits/bias"].astype(int)
    theirs, usual = (weights.class_names(n) for n in ("imagenet_darknet", "imagenet"))
    assert theirs[0] == "kit fox" and usual[0] == "tench"
    assert [theirs[i] for i in order] == list(usual)


def test_the_sets_of_each_model():
    rows = {(r.builder, r.name) for r in PUBLISHED if "pjreddie" in r.url}
    assert len(rows) == 10
    assert weights.names("yolo_v2") == ["voc", "imagenet", "imagenet_448"]
    assert weights.names("yolo_v2(anchors='coco')")[0] == "coco"
    assert weights.names("yolo_v2(anchors=((1, 1),))") == ["imagenet", "imagenet_448"]
    assert weights.class_names("voc")[14] == "person"
