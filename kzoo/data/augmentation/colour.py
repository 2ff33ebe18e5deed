"""Colours changed in hue, saturation and value: YOLOX's jitter and SSD's distortion.

Ge et al. 2021, https://arxiv.org/abs/2107.08430, and Liu et al., ECCV 2016,
https://arxiv.org/abs/1512.02325, section 3.6, with the figures of their code. Unlike
there, colours are not rounded to whole numbers between the steps, and hue comes round
at red, where OpenCV's bytes end. As there, grey has the hue of red: YOLOX's saturation
makes it reddish.
"""

import tensorflow as tf

# OpenCV counts hue in steps of 2 degrees, the rest in 0..255.
HUE, SATURATION, VALUE = 5 / 180, 30 / 255, 30 / 255


def jitter(image, seed):
    """Hue, saturation and value moved by up to 10 degrees, 30 / 255 and 30 / 255, each
    in half of the pictures (YOLOX).

    image: (H, W, 3) float32 in 0..255, and so is the result.
    """
    draws = tf.random.stateless_uniform([2, 3], seed)
    wanted = tf.cast(draws[1] < 0.5, tf.float32)
    return shift(image, wanted * (2 * draws[0] - 1) * [HUE, SATURATION, VALUE])


def shift(image, by):
    """Hue, saturation and value plus `by` (3,), in turns of hue and parts of 1."""
    hue, saturation, value = tf.unstack(tf.image.rgb_to_hsv(image / 255) + by, axis=-1)
    rest = (tf.clip_by_value(x, 0, 1) for x in (saturation, value))
    return tf.image.hsv_to_rgb(tf.stack([hue % 1, *rest], -1)) * 255


def distort(image, seed):
    """SSD's: brightness by up to 32, then contrast and saturation by 0.5 to 1.5 and hue
    by up to 36 degrees, each in half of the pictures; contrast is first or last.

    image: (H, W, 3) float32 in 0..255, and so is the result.
    """
    draws = tf.random.stateless_uniform([9], seed)
    wanted = draws[4:8] < 0.5
    brightness = tf.where(wanted[0], 64 * draws[0] - 32, 0.0)
    contrast, saturation = (tf.where(wanted[i], 0.5 + draws[i], 1.0) for i in (1, 2))
    hue = tf.where(wanted[3], (2 * draws[3] - 1) * 18 / 180, 0.0)
    first = tf.where(draws[8] < 0.5, contrast, 1.0)
    image = tf.clip_by_value(image + brightness, 0, 255)
    image = tf.clip_by_value(image * first, 0, 255)
    image = _turn(image, hue, saturation)
    return tf.clip_by_value(image * (contrast / first), 0, 255)


def _turn(image, hue, saturation):
    """Hue plus `hue` turns, saturation times `saturation`; value stays."""
    image = tf.image.rgb_to_hsv(image / 255)
    image = tf.stack(
        [
            (image[..., 0] + hue) % 1,
            tf.minimum(image[..., 1] * saturation, 1),
            image[..., 2],
        ],
        -1,
    )
    return tf.image.hsv_to_rgb(image) * 255
