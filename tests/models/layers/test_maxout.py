"""Maxout against its definition."""

import numpy as np
import pytest

from kzoo.models.layers.maxout import Maxout


@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 2, 12)])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_a_unit_is_the_largest_of_its_pieces(shape, pieces):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    result = np.asarray(Maxout(pieces)(x))
    units = shape[-1] // pieces
    assert result.shape == (*shape[:-1], units)
    for unit in range(units):
        expected = x[..., unit * pieces : (unit + 1) * pieces].max(axis=-1)
        np.testing.assert_array_equal(result[..., unit], expected)


def test_two_pieces_hold_an_absolute_value():
    """Section 3: any convex function by pieces; max(x, -x) is |x|."""
    x = np.float32([[3, -3], [-2, 2]])
    np.testing.assert_array_equal(np.asarray(Maxout(2)(x))[:, 0], [3, 2])


def test_channels_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="7 channels are no pieces of 2 each"):
        Maxout(2)(np.zeros((1, 7)))


def test_it_is_built_again_from_its_config():
    assert Maxout.from_config(Maxout(5).get_config()).pieces == 5
