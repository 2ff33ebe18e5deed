"""The learnt L2 normalization, value by value."""

import keras
import numpy as np

from kzoo.models.layers.l2_normalization import L2Normalization


def test_values_by_hand():
    """(3, 4) has length 5."""
    result = np.asarray(L2Normalization(20.0)(np.float32([[[[3, 4]], [[0, -2]]]])))
    np.testing.assert_allclose(result[0, :, 0], [[12, 16], [0, -20]], rtol=1e-6)


def test_each_channel_has_a_scale():
    layer = L2Normalization(1.0)
    layer.build((None, None, None, 2))
    layer.scale.assign([10, 100])
    result = np.asarray(layer(np.float32([[[[3, 4]]]])))
    np.testing.assert_allclose(result[0, 0, 0], [6, 80], rtol=1e-6)
    assert [weight.path.split("/")[-1] for weight in layer.weights] == ["scale"]


def test_nothing_stays_nothing_with_a_finite_gradient():
    import tensorflow as tf

    x = tf.zeros((1, 2, 2, 3))
    layer = L2Normalization()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert not np.any(y) and np.all(np.isfinite(tape.gradient(y, x)))


def test_half_precision_does_not_overflow():
    """500 ** 2 is more than float16 holds."""
    layer = L2Normalization(dtype="float16")
    result = layer(np.full((1, 1, 1, 4), 500.0, "float16"))
    assert "float16" in str(result.dtype)
    np.testing.assert_allclose(np.asarray(result), 10, rtol=1e-3)


def test_its_settings_are_kept():
    layer = L2Normalization(3.0, name="norm")
    assert L2Normalization.from_config(layer.get_config()).initial_scale == 3.0
    assert keras.saving.get_registered_name(L2Normalization).startswith("kzoo")
