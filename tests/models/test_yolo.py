"""YOLO v1 and v2: their rows, sizes and parts, and what they refuse."""

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.models.layers.local_conv import LocalConv2D
from kzoo.models.layers.reorg import Reorg
from tests.models.small import build_small

V1 = {"classes": 3, "backbone": "resnet18(width=0.125)", "filters": 16, "units": 8}
V2 = {"classes": 3, "backbone": "resnet18(width=0.125)", "filters": 64}


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize("stride, cells", [(64, 2), (32, 8), (16, 32), (8, 128)])
def test_v1_has_the_cells_that_the_picture_gives(stride, cells):
    model = models.yolo_v1(**V1, input_shape=(64, 128, 3), stride=stride, boxes=3)
    outputs = model(noise(2, 64, 128, 3))
    assert outputs["logits"].shape == (2, cells, 3)
    assert outputs["objectness"].shape == (2, 3 * cells, 1)
    assert outputs["deltas"].shape == (2, 3 * cells, 4)
    assert len(model.task.places((64, 128))) == 3 * cells


def test_the_tiny_v1_may_have_smaller_cells_too():
    """Without the pooling that halves C5."""
    model = build_small("yolo_v1_tiny", input_shape=(64, 128, 3), stride=16)
    assert model.output["deltas"].shape == (None, 2 * 32, 4)
    assert "head_max_pool" not in [layer.name for layer in model.layers]


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (416, 320)])
@pytest.mark.parametrize("anchors", ["coco", ((1, 1), (2, 3)), [[0.5, 2.5]]])
def test_v2_has_a_row_for_each_prior_of_each_cell(size, anchors):
    model = models.yolo_v2(**V2, input_shape=(*size, 3), anchors=anchors)
    outputs = model(noise(1, *size, 3))
    priors = 5 if anchors == "coco" else len(anchors)
    rows = size[0] // 32 * size[1] // 32 * priors
    assert outputs["deltas"].shape == (1, rows, 4)
    assert len(model.task.places(size)) == rows == sum(model.task.counts(size))


@pytest.mark.parametrize("builder", ["yolo_v2", "yolo_v2_tiny"])
def test_v2_has_the_same_weights_at_any_size(builder):
    """What training at many sizes needs, and a picture of any size."""
    small, any_size = (
        build_small(builder, input_shape=(side, side, 3)) for side in (64, None)
    )
    large = build_small(builder, input_shape=(96, 128, 3))
    for model in (any_size, large):
        model.set_weights(small.get_weights())
    for model, size in ((small, (64, 64)), (large, (96, 128))):
        pictures = noise(2, *size, 3)
        expected, found = model(pictures), any_size(pictures)
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    with pytest.raises(ValueError, match=r"\(None, None\)"):
        any_size.task.places(any_size.input_shape[1:3])


def test_reorg_is_darknets():
    """Against reorg_cpu of the authors' src/blas.c, read as plain loops."""
    height, width, channels = 4, 6, 8
    x = np.random.default_rng(0).normal(size=(2, height, width, channels))
    memory = np.float32(x).transpose(0, 3, 1, 2).reshape(2, -1)
    slow = np.zeros_like(memory)
    for k, j, i in np.ndindex(channels, height, width):
        offset, channel = divmod(k, channels // 4)
        row, column = 2 * j + offset // 2, 2 * i + offset % 2
        there = column + 2 * width * (row + 2 * height * channel)
        slow[:, i + width * (j + height * k)] = memory[:, there]
    slow = slow.reshape(2, 4 * channels, height // 2, width // 2)
    found = Reorg()(np.float32(x))
    np.testing.assert_array_equal(found, slow.transpose(0, 2, 3, 1))
    # Not what the paper says: no channel is every second pixel of another.
    plain = np.float32(x)[:, ::2, ::2]
    assert not any(np.array_equal(plain[..., 0], c) for c in np.moveaxis(found, -1, 0))


@pytest.mark.parametrize("shape", [(1, 3, 4, 8), (1, 4, 4, 6)])
def test_reorg_refuses_what_it_cannot_halve(shape):
    with pytest.raises(ValueError, match="even sides and needs channels in fours"):
        Reorg()(np.zeros(shape, "float32"))


def test_a_local_convolution_is_one_for_each_position():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer = LocalConv2D(6)
    layer.build(x.shape)
    layer.kernel.assign(np.random.default_rng(1).normal(size=layer.kernel.shape))
    layer.bias.assign(np.random.default_rng(2).normal(size=layer.bias.shape))
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    found = keras.ops.convert_to_numpy(layer(x))
    for row, column in np.ndindex(3, 4):
        window = padded[:, row : row + 3, column : column + 3].reshape(2, -1)
        expected = window @ layer.kernel[4 * row + column] + layer.bias[row, column]
        np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-4)
    # As it starts, each position's outputs vary as those of a convolution.
    fresh = LocalConv2D(64)
    fresh.build((None, 2, 2, 32))
    assert np.std(fresh.kernel) == pytest.approx((2 / (9 * 32)) ** 0.5, rel=0.05)
    with pytest.raises(ValueError, match="fixed height and width"):
        LocalConv2D(6).build((None, None, 4, 5))


def test_the_head_of_v1_halves_c5():
    """Figure 3: 14x14 to 7x7 in the second of four convolutions."""
    model = models.yolo_v1(**V1, input_shape=(448, 448, 3))
    sides = [model.get_layer(f"head_{i}_conv").output.shape[1] for i in range(1, 5)]
    assert sides == [14, 7, 7, 7]
    assert model.output["deltas"].shape[1:] == (98, 4)


@pytest.mark.parametrize(
    "name, shape, arguments, match",
    [
        ("yolo_v1", (448, 440, 3), {}, "64 pixels a side, not 448x440"),
        ("yolo_v1", (64, 64, 3), {"stride": 7}, "64, 32, 16, 8 pixels a side, not 7"),
        ("yolo_v1", (64, 64, 3), {"boxes": 0}, "1 box or more, not 0"),
        ("yolo_v1_tiny", (60, 60, 3), {}, "not 60x60"),
        ("yolo_v2", (416, 400, 3), {}, "32 pixels a side, not 416x400"),
        ("yolo_v2", (64, 64, 3), {"anchors": "imagenet"}, "kzoo has voc, coco, voc_"),
        ("yolo_v2", (64, 64, 3), {"anchors": ()}, "pairs above 0"),
        ("yolo_v2", (64, 64, 3), {"anchors": ((1, 0),)}, "pairs above 0"),
        ("yolo_v2", (64, 64, 3), {"filters": 40}, "channels in fours"),
    ],
)
def test_what_does_not_fit_is_refused(name, shape, arguments, match):
    with pytest.raises(ValueError, match=match):
        build_small(name, input_shape=shape, **arguments)


def test_a_backbone_lacking_a_level_is_refused():
    images = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(4, 3, 8, name="eighth")(images)
    backbone = keras.Model(images, {"C3": x}, name="shallow")
    with pytest.raises(ValueError, match="shallow has no C4, C5; it has C3"):
        models.yolo_v2(classes=1, input_shape=(64, 64, 3), backbone=backbone)


def test_the_tiny_v2_keeps_its_size_in_the_last_pooling():
    """Darknet pads such a pooling on the right and below alone."""
    model = build_small("yolo_v2_tiny", input_shape=(96, 64, 3))
    pool = model.get_layer("head_max_pool")
    assert pool.output.shape[1:3] == (3, 2)
    x = np.float32([[[[1.0], [5.0]], [[-2.0], [-3.0]], [[4.0], [-9.0]]]])
    expected = [[[[5.0], [5.0]], [[4.0], [-3.0]], [[4.0], [-9.0]]]]
    np.testing.assert_array_equal(pool(x), expected)
