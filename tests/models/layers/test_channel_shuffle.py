"""Channel shuffle against the paper's words, and what it costs nothing to keep true."""

import keras
import numpy as np
import pytest

from kzoo.models.layers.channel_shuffle import ChannelShuffle


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 12])
def test_reshape_transpose_flatten(groups):
    """Section 3.1: (g, n) transposed to (n, g), at each position."""
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 12)).astype("float32")
    expected = np.empty_like(x)
    for place in np.ndindex(2, 3, 5):
        expected[place] = x[place].reshape(groups, 12 // groups).T.ravel()
    np.testing.assert_array_equal(ChannelShuffle(groups)(x), expected)


def test_as_many_groups_as_a_group_has_channels_put_back():
    x = np.arange(12.0).reshape(1, 1, 1, 12)
    np.testing.assert_array_equal(ChannelShuffle(4)(ChannelShuffle(3)(x)), x)


def test_sides_may_be_open():
    images = keras.Input((None, None, 6))
    model = keras.Model(images, ChannelShuffle(2)(images))
    assert model.output_shape == (None, None, None, 6)
    x = np.tile(np.arange(6.0), (2, 3, 4, 1))
    result = keras.ops.convert_to_numpy(model(x))
    assert result.shape == x.shape
    assert result[1, 2, 3].tolist() == [0, 3, 1, 4, 2, 5]


def test_groups_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="10 channels are not 3 groups of one size"):
        ChannelShuffle(3)(np.zeros((1, 2, 2, 10)))


def test_it_is_built_again_from_its_config():
    layer = ChannelShuffle(3, name="shuffle")
    again = ChannelShuffle.from_config(layer.get_config())
    assert (again.groups, again.name) == (3, "shuffle")
