"""What parity does not show of the Vision Transformer."""

import numpy as np
import pytest

import kzoo
from kzoo import models, weights
from kzoo.models.counting import multiply_adds
from kzoo.models.layers.attention import Attention, gelu
from kzoo.models.layers.positions import PositionEmbedding


def small(**arguments):
    return models.vit_ti16(
        **{"width": 0.125, "classes": 3, "input_shape": (32, 32, 3), **arguments}
    )


def test_multiply_adds_with_and_without_the_products_of_attention():
    """timm 1.0.31 with hooks: 17.564 and 16.849 G; papers state either."""
    model = models.vit_b16()
    products = sum(
        layer.multiply_adds((None, 197, 768), None)
        for layer in model.layers
        if isinstance(layer, Attention)
    )
    assert products == 12 * 2 * 197 * 197 * 768
    assert multiply_adds(model) == pytest.approx(17.564e9, rel=1e-4)
    assert multiply_adds(model) - products == pytest.approx(16.849e9, rel=1e-4)


def test_384_pixels_are_380_positions_more():
    """torchvision's weights for 384 pixels: 86,859,496."""
    model = models.vit_b16(input_shape=(384, 384, 3))
    assert model.count_params() == 86_859_496


@pytest.mark.parametrize("side", [None, 8, 40])
def test_sides_are_multiples_of_16(side):
    with pytest.raises(ValueError, match="multiples of 16"):
        small(input_shape=(32, side, 3))


def test_attention_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(3, 2, 5, 8)).astype("float32")
    expected = np.empty((2, 5, 8))
    for picture in range(2):
        for head in (slice(0, 4), slice(4, 8)):
            for token in range(5):
                scores = key[picture, :, head] @ query[picture, token, head] / 2
                share = np.exp(scores) / np.exp(scores).sum()
                expected[picture, token, head] = share @ value[picture, :, head]
    ours = Attention(heads=2)([query, key, value])
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_gelu_is_x_times_the_normal_distribution():
    """From tables: its function is 0.841345 at 1 and 0.977250 at 2."""
    x = np.array([-1, 0, 1, 2], "float32")
    expected = [-0.158655, 0, 0.841345, 1.954500]
    np.testing.assert_allclose(gelu(x), expected, atol=1e-6)


def test_positions_are_interpolated_by_their_place():
    """A ramp stays a ramp: bicubic interpolation keeps polynomials, edges apart."""
    layer = PositionEmbedding((16, 24), name="positions")
    layer.build((None, 1 + 16 * 24, 2))
    rows, columns = np.mgrid[:8, :8].astype("float32")
    ramp = np.stack([rows, columns], axis=-1).reshape(1, 64, 2)
    first = np.full((1, 1, 2), 7, "float32")
    name = "positions/embedding"
    arrays = {name: np.concatenate([first, ramp], axis=1)}
    resized = layer.resized_weights(arrays)[name]
    np.testing.assert_array_equal(resized[:, 0], first[:, 0])
    grid = resized[0, 1:].reshape(16, 24, 2)
    rows = (np.arange(16) + 0.5) * 8 / 16 - 0.5
    columns = (np.arange(24) + 0.5) * 8 / 24 - 0.5
    inner = np.s_[4:-4, 6:-6]
    expected = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    np.testing.assert_allclose(grid[inner], expected[inner], atol=1e-5)


def test_positions_of_no_square_are_refused_by_their_shape():
    arrays = {w.path: w.numpy() for w in small(input_shape=(32, 64, 3)).weights}
    with pytest.raises(ValueError, match="positions/embedding"):
        weights.load(small(), arrays)


def test_own_files_load_and_resize(tmp_path):
    """Of 32 pixels into 64: all but the positions are as they were."""
    model = small()
    kzoo.save(model, tmp_path)
    larger = small(input_shape=(64, 64, 3))
    weights.load(larger, tmp_path)
    for ours, theirs in zip(larger.weights, model.weights):
        if ours.path != "positions/embedding":
            np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def test_the_hidden_layer_of_pretraining_is_left_out():
    """The authors' files for ImageNet-21k have it and 21843 classes."""
    arrays = {w.path: w.numpy() for w in small(classes=None).weights}
    arrays |= {"head_hidden/kernel": np.ones((24, 24)), "logits/bias": np.ones(21843)}
    report = weights.load_backbone(small(), arrays)
    assert report.kept == ["logits/kernel", "logits/bias"]


def test_dropout_and_stochastic_depth_only_while_training():
    model = small(dropout=0.5, drop_path=0.5)
    plain = small()
    plain.set_weights(model.get_weights()[: len(plain.weights)])
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))
    np.testing.assert_array_equal(model(pictures), plain(pictures))
    trained = np.asarray(model(pictures, training=True))
    assert not np.allclose(trained, model(pictures))
