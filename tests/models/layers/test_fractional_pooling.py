"""Fractional pooling against PyTorch's answers, a loop, and the paper's steps."""

import numpy as np
import pytest

from kzoo.models.layers.fractional_pooling import FractionalMaxPooling2D

# torch.nn.functional.fractional_max_pool2d of torch 2.13 on channel 0 of `pattern()`:
# size, ratio, (u of rows, u of columns), rows of the answer.
TORCH = [
    (
        2,
        1.5,
        (0.3, 0.8),
        [
            [40, 77, 50, 87, 60, 97, 70],
            [43, 80, 53, 90, 63, 100, 73],
            [49, 86, 59, 96, 69, 69, 79],
            [52, 89, 62, 99, 72, 72, 82],
            [58, 95, 68, 68, 78, 78, 88],
            [61, 98, 71, 71, 81, 81, 91],
        ],
    ),
    (
        3,
        1.8,
        (0.05, 0.95),
        [
            [80, 80, 90, 90, 100, 100],
            [83, 83, 93, 93, 100, 100],
            [89, 89, 99, 99, 72, 82],
            [92, 92, 99, 99, 75, 85],
            [98, 98, 71, 81, 81, 91],
        ],
    ),
]


def pattern():
    """(1, 9, 11, 2), channels first before it was turned."""
    x = np.arange(2 * 9 * 11).reshape(1, 2, 9, 11) * 37 % 101
    return x.transpose(0, 2, 3, 1).astype("float32")


@pytest.mark.parametrize("size, ratio, draws, expected", TORCH)
def test_windows_are_torchs(size, ratio, draws, expected):
    layer = FractionalMaxPooling2D(ratio, size)
    layer.fixed = np.array(draws)
    result = np.asarray(layer(pattern()))
    np.testing.assert_array_equal(result[0, ..., 0], expected)


def slow(x, size, rows, columns):
    return np.stack(
        [
            np.stack(
                [x[:, r : r + size, c : c + size].max(axis=(1, 2)) for c in columns],
                axis=1,
            )
            for r in rows
        ],
        axis=1,
    )


@pytest.mark.parametrize("seed", range(5))
def test_each_value_is_the_largest_of_its_window(seed):
    x = np.random.default_rng(seed).normal(size=(2, 25, 36, 3)).astype("float32")
    layer = FractionalMaxPooling2D(2**0.5, seed=seed)
    result = np.asarray(layer(x))
    rows, columns = (
        layer.starts(side, draw) for side, draw in zip((25, 36), layer.fixed)
    )
    np.testing.assert_array_equal(result, slow(x, 2, rows, columns))
    for starts, side in ((rows, 25), (columns, 36)):
        assert starts[0] == 0 and starts[-1] == side - 2
        # Section 2.1: steps of one and two.
        assert set(np.diff(starts)) == {1, 2}


def test_training_draws_windows_and_files_have_none_to_draw():
    x = np.random.default_rng(0).normal(size=(1, 25, 25, 1)).astype("float32")
    layer = FractionalMaxPooling2D(seed=0)
    fixed = [np.asarray(layer(x)).tobytes() for _ in range(3)]
    drawn = {np.asarray(layer(x, training=True)).tobytes() for _ in range(8)}
    assert len(set(fixed)) == 1
    assert len(drawn) > 4
    again = FractionalMaxPooling2D(seed=0)
    assert np.asarray(again(x)).tobytes() == fixed[0]
    sizes = {np.asarray(layer(x, training=True)).shape for _ in range(3)}
    assert sizes == {(1, 17, 17, 1)}


def test_drawn_windows_are_the_formulas():
    layer = FractionalMaxPooling2D(1.7)
    for draw in np.random.default_rng(0).random(20).astype("float32"):
        traced = np.asarray(layer.starts(31, draw, traced=True))
        np.testing.assert_array_equal(traced, layer.starts(31, float(draw)))


def test_what_it_cannot_do_is_told():
    with pytest.raises(ValueError, match="the ratio is between 1 and 2, not 2"):
        FractionalMaxPooling2D(2)
    with pytest.raises(ValueError, match="pool needs a known height and width"):
        FractionalMaxPooling2D(name="pool").build((None, None, 8, 1))


def test_it_is_built_again_from_its_config():
    layer = FractionalMaxPooling2D(1.3, 3, seed=5)
    again = FractionalMaxPooling2D.from_config(layer.get_config())
    assert (again.ratio, again.size, again.seed) == (1.3, 3, 5)
    np.testing.assert_array_equal(again.fixed, layer.fixed)
