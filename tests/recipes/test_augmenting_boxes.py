"""The flags of how pictures with boxes vary, and what they come to."""

import json

import pytest
from absl import flags
from absl.testing import flagsaver

import kzoo
from kzoo.data.augmentation.copy_paste import CopyPaste
from kzoo.data.augmentation.mosaic import Mosaic, Plain
from kzoo.data.augmentation.perspective import Perspective
from kzoo.data.augmentation.ssd_crops import SsdCrops
from kzoo.data.batching import Closing
from recipes import augmenting_boxes, detect
from tests.recipes.conftest import run_detect

SIZE = (64, 96)


def varied(learn=None, **settings):
    with flagsaver.flagsaver(**settings):
        return augmenting_boxes.varied(SIZE, learn)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("mosaic", Mosaic(SIZE)),
        ("mosaic(scale=(0.1, 2.0), mixup=0)", Mosaic(SIZE, scale=(0.1, 2.0), mixup=0)),
        ("perspective(rotation=5)", Perspective(SIZE, rotation=5)),
        ("ssd", SsdCrops(SIZE)),
        ("none", False),
    ],
)
def test_names_and_arguments(text, expected):
    assert varied(augment=text) == {"augment": expected, "max_boxes": None}


def test_the_flip_of_a_flag_is_that_of_all():
    assert varied(augment="ssd", vertical_flip=0.5)["augment"].vertical == 0.5
    assert varied(augment="mosaic(vertical=0.1)")["augment"].vertical == 0.1
    assert callable(varied(augment="usual", vertical_flip=0.5)["augment"])


@pytest.mark.parametrize(
    "closing, step", [(None, 95), (2.0, 60), (0.5, 90), (99.0, 0), (0.0, None)]
)
def test_the_last_epochs_have_no_mosaic(closing, step):
    """5 epochs of 160 pictures in batches of 8 are 100 steps."""
    settings = {"augment": "mosaic(horizontal=0)", "closing_epochs": closing}
    settings |= {"epochs": 5.0, "batch_size": 8}
    augment = varied(range(160), **settings)["augment"]
    mosaic = Mosaic(SIZE, horizontal=0)
    expected = mosaic
    if step is not None:
        expected = Closing(mosaic, Plain(SIZE, horizontal=0), step)
    assert augment == expected


def test_objects_are_pasted_into_any_kind_of_picture():
    settings = {"augment": "mosaic", "copy_paste": 0.5, "epochs": 5.0}
    augment = varied(range(160), **settings)["augment"]
    assert augment == Closing(CopyPaste(Mosaic(SIZE), 0.5), Plain(SIZE), 95)
    assert augment.partners == 9 and augment.masks
    with pytest.raises(ValueError, match="for pictures that vary: no --augment=none"):
        varied(augment="none", copy_paste=0.5)


def test_sizes():
    with flagsaver.flagsaver(sizes=["128", "96x160"]):
        assert augmenting_boxes.sizes() == [(128, 128), (96, 160)]
    assert augmenting_boxes.sizes() == []
    for wrong in ("128x", "a", "-5", "0"):
        with pytest.raises(flags.IllegalFlagValueError, match="takes sides or heights"):
            flags.FLAGS.sizes = [wrong]


@pytest.mark.parametrize(
    "text, sentence",
    [
        (
            "mozaic",
            "no augmentation 'mozaic'; kzoo has usual, perspective, mosaic, ssd",
        ),
        ("mosaic(size=3)", "mosaic has no argument 'size'; it has probability, scale,"),
        ("usual(rotate=3)", "usual has no argument 'rotate'; it has scale, horizontal"),
        ("none(scale=2)", "none has no arguments"),
        ("mosaic(scale=a)", "'mosaic(scale=a)' is not understood; say a name or name"),
    ],
)
def test_what_there_is_not_is_told(text, sentence):
    with pytest.raises(ValueError) as error, flagsaver.flagsaver(augment=text):
        detect.check_flags()
    assert str(error.value).startswith("--augment: ") and sentence in str(error.value)


@pytest.mark.slow
def test_a_run_with_all_of_it(tmp_path):
    """Four steps: mosaics with pasted objects at two sizes, then without."""
    run_detect(
        tmp_path,
        augment="mosaic(rotation=5)",
        copy_paste=0.5,
        sizes=["64", "64x96"],
        closing_epochs=0.5,
        epochs=2,
        max_boxes=20,
        export=["onnx"],
    )
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["formats"]["onnx"]["max_error"] < 1e-4
    assert kzoo.load(tmp_path).input_shape == (None, 64, 64, 3)
    flags_kept = (tmp_path / "config.flags").read_text()
    assert "--sizes=64,64x96" in flags_kept and "--copy_paste=0.5" in flags_kept
