"""Local response normalization against the paper's formula, value by value."""

import numpy as np
import pytest

from kzoo.models.layers.local_response_normalization import LocalResponseNormalization
from kzoo.ops import native


def slow(x, size, alpha, beta, k):
    """Section 3.3: b = a / (k + alpha * sum of a ** 2 around it) ** beta."""
    result = np.empty(x.shape)
    channels = x.shape[-1]
    for place in np.ndindex(x.shape):
        *where, i = place
        total = 0.0
        for j in range(max(0, i - size // 2), min(channels - 1, i + size // 2) + 1):
            total += float(x[(*where, j)]) ** 2
        result[place] = x[place] / (k + alpha * total) ** beta
    return result


@pytest.fixture(params=[True, False], ids=["kernel", "keras.ops"])
def backend(request, monkeypatch):
    monkeypatch.setattr(native, "ON_TENSORFLOW", request.param)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"size": 5, "alpha": 1e-4 / 5, "beta": 0.75, "k": 1.0},
        {"size": 3, "alpha": 0.5, "beta": 0.5, "k": 0.1},
        {"size": 9, "alpha": 0.1, "beta": 1.0, "k": 2.0},
    ],
)
def test_each_value_is_the_formulas(backend, arguments):
    x = np.random.default_rng(0).normal(0, 100, (2, 3, 2, 7)).astype("float32")
    facts = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0} | arguments
    result = np.asarray(LocalResponseNormalization(**arguments)(x))
    np.testing.assert_allclose(result, slow(x, **facts), rtol=1e-5)


def test_a_value_by_hand(backend):
    """Channels 3 and 4 alone: 3 / (1 + 2 * 25) ** 1."""
    layer = LocalResponseNormalization(size=3, alpha=2.0, beta=1.0, k=1.0)
    result = np.asarray(layer(np.float32([[[[3.0, 4.0]]]])))
    np.testing.assert_allclose(result[0, 0, 0], [3 / 51, 4 / 51], rtol=1e-6)


def test_half_precision_does_not_overflow():
    """500 ** 2 is more than float16 holds."""
    layer = LocalResponseNormalization(dtype="float16")
    result = layer(np.full((1, 1, 1, 1), 500.0, "float16"))
    assert "float16" in str(result.dtype)
    expected = 500 / (2 + 1e-4 * 500**2) ** 0.75
    np.testing.assert_allclose(float(result[0, 0, 0, 0]), expected, rtol=1e-3)


def test_an_even_size_is_refused():
    with pytest.raises(ValueError, match="odd in number, not 4"):
        LocalResponseNormalization(size=4)


def test_it_is_built_again_from_its_config():
    layer = LocalResponseNormalization(3, 0.5, 0.5, 1.0, name="norm")
    again = LocalResponseNormalization.from_config(layer.get_config())
    assert (again.size, again.alpha, again.beta, again.k) == (3, 0.5, 0.5, 1.0)
