"""RandAugment's operations against Pillow's, its warp against a slow loop."""

import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from kzoo.data.augmentation import classification
from kzoo.data.augmentation.random_augment import (
    COLOUR,
    GEOMETRIC,
    OPERATIONS,
    RandAugment,
)

STRENGTH = 0.5
PILLOW = {
    "identity": lambda image: image,
    "auto_contrast": ImageOps.autocontrast,
    "equalize": ImageOps.equalize,
    "solarize": lambda image: ImageOps.solarize(image, 128),
    "posterize": lambda image: ImageOps.posterize(image, 6),
    "color": lambda image: ImageEnhance.Color(image).enhance(1.45),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.45),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.45),
    "sharpness": lambda image: ImageEnhance.Sharpness(image).enhance(1.45),
}


def cloudy(width=41, height=53):
    noise = np.random.default_rng(0).integers(0, 255, (6, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.BICUBIC)


PICTURES = {
    "cloudy": cloudy(),
    "grey": cloudy().convert("L").convert("RGB"),
    "flat": Image.new("RGB", (9, 5), (7, 200, 7)),
    "one": Image.new("RGB", (1, 1), (3, 130, 255)),
    "two": Image.new("RGB", (2, 1), (3, 130, 255)),
}


def test_there_are_the_14_of_the_paper():
    assert set(PILLOW) == set(COLOUR) and len(OPERATIONS) == 14


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("name", PILLOW)
def test_a_colour_is_pillows(name, picture):
    image = PICTURES[picture]
    found = COLOUR[name](tf.constant(np.asarray(image), tf.float32), STRENGTH)
    found = np.clip(np.round(found), 0, 255)
    # Pillow cuts fractions off where this rounds.
    np.testing.assert_allclose(found, np.asarray(PILLOW[name](image)), atol=1)


def slow_warp(image, place, size):
    """Bilinear at place(x, y), by a loop; grey where it lies outside."""
    height, width = image.shape[:2]
    result = np.full((*size, 3), 128.0)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y = place(column + 0.5, row + 0.5)
            if not (0.001 < x < width - 0.001 and 0.001 < y < height - 0.001):
                continue
            x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
            x0, y0 = math.floor(x), math.floor(y)
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            top = image[y0, x0] * (x0 + 1 - x) + image[y0, x1] * (x - x0)
            low = image[y1, x0] * (x0 + 1 - x) + image[y1, x1] * (x - x0)
            result[row, column] = top * (y0 + 1 - y) + low * (y - y0)
    return result


def places(name, strength, width, height):
    """Where each operation takes a pixel from, as the paper's words have it."""
    angle, x0, y0 = math.radians(30) * strength, width / 2, height / 2
    cos, sin = math.cos(angle), math.sin(angle)
    shear = 0.3 * strength
    return {
        "rotate": lambda x, y: (
            x0 + cos * (x - x0) - sin * (y - y0),
            y0 + sin * (x - x0) + cos * (y - y0),
        ),
        "shear_x": lambda x, y: (x + shear * (y - y0), y),
        "shear_y": lambda x, y: (x, y + shear * (x - x0)),
        "translate_x": lambda x, y: (x + 0.45 * width * strength, y),
        "translate_y": lambda x, y: (x, y + 0.45 * height * strength),
    }[name]


@pytest.mark.parametrize("strength", [-0.4, 0.7])
@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_move_is_that_of_a_slow_loop(name, strength):
    image = np.asarray(cloudy(24, 18)).astype(np.float32)
    policy, size = RandAugment(layers=1), (18, 24)
    matrix = policy.matrix([OPERATIONS.index(name)], [tf.constant(strength)], size)
    found = classification.warp(tf.constant(image), matrix, size).numpy()
    expected = slow_warp(image, places(name, strength, 24, 18), size)
    # Where the picture ends the kernel goes over to grey within half a pixel.
    inside = np.all(expected != 128, -1) & np.all(np.abs(found - expected) < 1, -1)
    outside = np.all(expected == 128, -1) & np.all(found == 128, -1)
    assert np.mean(inside | outside) > 0.85
    assert np.mean(inside) > 0.4
    middle = slice(7, 11), slice(9, 15)
    np.testing.assert_allclose(found[middle], expected[middle], atol=0.01)


def test_two_moves_are_one_after_the_other():
    """Shifted by 4 columns, then sheared: the shift is of the unsheared picture."""
    image = np.asarray(cloudy(40, 40)).astype(np.float32)
    policy, size = RandAugment(layers=2), (40, 40)
    strengths = [tf.constant(4 / 18), tf.constant(0.5)]
    numbers = [OPERATIONS.index("translate_x"), OPERATIONS.index("shear_y")]
    matrix = policy.matrix(numbers, strengths, size)
    shifted = np.roll(image, -4, axis=1)
    alone = RandAugment(layers=1).matrix(numbers[1:], strengths[1:], size)
    once = classification.warp(tf.constant(image), matrix, size)
    twice = classification.warp(tf.constant(shifted), alone, size)
    np.testing.assert_allclose(once[10:30, 5:30], twice[10:30, 5:30], atol=0.01)


def test_operations_are_drawn_evenly_and_with_both_signs():
    policy = RandAugment(layers=2, magnitude=28, of=10)
    drawn = [policy.draw(tf.constant([0, i], tf.int64)) for i in range(600)]
    counts = np.bincount(np.concatenate([d[0] for d in drawn]), minlength=14)
    assert len(counts) == 14 and counts.min() > 1200 / 14 / 2
    assert set(np.round(np.concatenate([d[1] for d in drawn]), 4)) == {
        np.float32(-2.8),
        np.float32(2.8),
    }


def test_what_is_not_possible_is_told():
    with pytest.raises(ValueError, match="layers is 1 or more, magnitude 0 or more"):
        RandAugment(layers=0)
