"""Every settings file names its source, and gives flags that the recipe can follow."""

import inspect
import pathlib
import re

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from kzoo import models, train
from kzoo.models.registry import parse
from recipes import augmenting, augmenting_boxes, classify, common, detect

FOLDER = pathlib.Path(__file__).parents[2] / "recipes" / "settings"
FILES = sorted(FOLDER.glob("*.flags"))


def task_of(path):
    """Whose settings a file has, by the model that it names."""
    name = re.search(r"^--model=(\w+)", path.read_text(), re.MULTILINE)[1]
    return models.card(name).task


CLASSIFIERS = [path for path in FILES if task_of(path) != "detection"]
DETECTORS = [path for path in FILES if task_of(path) == "detection"]
# Pictures that each data set has, as its publisher says, and their classes.
SIZES = {
    "tfds:imagenet2012": 1_281_167,
    "tfds:cifar10": 50_000,
    "tfds:mnist": 60_000,
    "digits": 1197,
    "scenes": 2048,
    "tfds:coco/2017": 118_287,
    # Both years as one folder.
    "voc:VOC0712": 16_551,
}


@pytest.fixture(params=CLASSIFIERS, ids=lambda path: path.stem)
def settings(request):
    """The file, with its flags set."""
    with flagsaver.flagsaver():
        common.set_defaults(**classify.DEFAULTS)
        flags.FLAGS(["classify", f"--flagfile={request.param}"])
        yield request.param


@pytest.fixture(params=DETECTORS, ids=lambda path: path.stem)
def detection_settings(request):
    with flagsaver.flagsaver():
        flags.FLAGS(["detect", f"--flagfile={request.param}"])
        yield request.param


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_states_its_source_and_what_was_measured(path):
    lines = path.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert len(comments[0]) > 30 and lines[: len(comments)] == comments
    assert comments[-1].startswith("# Measured: ")
    assert max(map(len, lines)) <= 88


def test_a_file_is_of_a_model_and_its_schedule_can_be_built(settings):
    classify.check_flags()
    check_schedule()
    assert augmenting.augment(common.image_size())


def test_a_file_is_of_a_detector_and_its_schedule_can_be_built(detection_settings):
    detect.check_flags()
    check_schedule()
    assert set(detect.parts()) <= set(models.arguments(parse(common.MODEL.value)[0]))
    assert augmenting_boxes.varied(common.image_size())["augment"]


def check_schedule():
    pictures = SIZES[common.DATA.value]
    steps = round(common.EPOCHS.value * pictures / common.BATCH_SIZE.value)
    warmup = round(common.WARMUP.value * steps)
    schedule = train.Schedule(
        common.learning_rate(), steps, common.SCHEDULE.value, warmup
    )
    rates = [float(schedule(step)) for step in np.linspace(0, steps, 50)]
    assert np.isfinite(rates).all() and max(rates) <= 1.001 * common.learning_rate()
    assert rates[-1] <= rates[10] or "plateau" in common.SCHEDULE.value
    train.optimizer(common.OPTIMIZER.value, schedule, ema_momentum=common.EMA.value)


def rate_at(name, *steps):
    """The learning rates of a file's schedule at some steps."""
    with flagsaver.flagsaver():
        flags.FLAGS(["classify", f"--flagfile={FOLDER / name}.flags"])
        pictures = SIZES[common.DATA.value]
        total = round(common.EPOCHS.value * pictures / common.BATCH_SIZE.value)
        schedule = train.Schedule(
            common.learning_rate(),
            total,
            common.SCHEDULE.value,
            round(common.WARMUP.value * total),
        )
        return [total, *(float(schedule(step)) for step in steps)]


def test_resnet_on_cifar_falls_at_32k_and_48k_of_64k_steps():
    found = rate_at("resnet20_cifar10", 0, 31_999, 32_001, 47_999, 48_001)
    np.testing.assert_allclose(found, [64_000, 0.1, 0.1, 0.01, 0.01, 0.001], rtol=1e-5)


def test_resnet50_falls_at_passes_30_and_60():
    a_pass = 1_281_167 / 256
    found = rate_at("resnet50", *(p * a_pass for p in (29.5, 30.5, 59.5, 60.5)))
    np.testing.assert_allclose(found[1:], [0.1, 0.01, 0.01, 0.001], rtol=1e-5)


def test_efficientnet_is_scaled_by_its_batch_and_falls_every_2_4_passes():
    a_pass = 1_281_167 / 2048
    found = rate_at("efficientnet_b0", *(p * a_pass for p in (2.5, 6, 8, 101.5)))
    # 0.016 * 8, half of it in the warm-up; 40 falls in the 96.5 passes after it.
    np.testing.assert_allclose(found[1:4], [0.064, 0.128, 0.128 * 0.97], rtol=0.01)
    np.testing.assert_allclose(found[4], 0.128 * 0.97**40, rtol=0.01)


def test_every_paper_has_a_file():
    """But for the classifiers that learn in other ways, those of recipes.basics."""
    named = [re.search(r"^--model=(\w+)", path.read_text(), re.M)[1] for path in FILES]
    found = {models.card(name).paper for name in named}
    for name in models.names("classification"):
        builder = inspect.unwrap(getattr(models, name))
        if ".basics." not in builder.__module__:
            assert models.card(name).paper in found, name
