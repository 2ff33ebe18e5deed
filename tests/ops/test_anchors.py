"""Anchors lie where the network looks, in the order in which it speaks."""

import json

import numpy as np
import pytest

from kzoo.ops import anchors as anchor_ops
from tests import golden


def test_a_small_grid_by_hand():
    anchors = anchor_ops.Anchors(strides=(4, 8), shapes=[[(2, 2), (4, 2)], [(6, 10)]])
    expected = [
        # Stride 4, two rows, two columns; the first centre is (2, 2).
        [1, 1, 3, 3],
        [0, 1, 4, 3],
        [5, 1, 7, 3],
        [4, 1, 8, 3],
        [1, 5, 3, 7],
        [0, 5, 4, 7],
        [5, 5, 7, 7],
        [4, 5, 8, 7],
        # Stride 8, one position, centre (4, 4).
        [1, -1, 7, 9],
    ]
    made = anchors(8, 8)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, expected)
    assert anchors.per_position == (2, 1)
    assert anchors.counts(8, 8) == (8, 1)


@pytest.mark.parametrize("height, width", [(100, 130), (1, 1), (127, 129), (8, 1000)])
def test_a_size_that_no_stride_divides(height, width):
    """A padded convolution of stride s leaves ceil(side / s) positions."""
    anchors = anchor_ops.retinanet_anchors()
    expected = []
    for stride, shapes in zip(anchors.strides, anchors.shapes):
        for row in range(int(np.ceil(height / stride))):
            for column in range(int(np.ceil(width / stride))):
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                for w, h in shapes:
                    expected.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    made = anchors(height, width)
    assert len(made) == sum(anchors.counts(height, width))
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_ratio_is_height_over_width_and_keeps_the_area():
    shapes = anchor_ops.anchor_shapes(16, scales=(1, 2), ratios=(4, 1))
    np.testing.assert_allclose(shapes, [(8, 32), (16, 64), (16, 16), (32, 32)])


def test_retinanet_shapes_are_those_of_the_paper():
    """Section 4: areas from 32**2 on P3 to 512**2 on P7, and two scales between."""
    anchors = anchor_ops.retinanet_anchors()
    assert anchors.strides == (8, 16, 32, 64, 128)
    assert anchors.per_position == (9,) * 5
    for size, shapes in zip((32, 64, 128, 256, 512), anchors.shapes):
        areas = np.prod(shapes, axis=-1)
        scales = [1, 2 ** (1 / 3), 2 ** (2 / 3)] * 3
        np.testing.assert_allclose(areas, (size * np.array(scales)) ** 2)
        ratios = np.array([h / w for w, h in shapes])
        np.testing.assert_allclose(ratios, np.repeat([0.5, 1, 2], 3))


def test_torchvision_anchors_are_torchvisions():
    expected = golden.load("ops")
    made = anchor_ops.torchvision_anchors()(128, 256)
    assert len(made) == expected["anchors_count"]
    np.testing.assert_array_equal(made[::7], expected["anchors"])


def test_json_and_back():
    anchors = anchor_ops.torchvision_anchors()
    again = anchor_ops.Anchors(**json.loads(json.dumps(anchors.to_dict())))
    assert again == anchors


@pytest.mark.parametrize(
    "strides, shapes, message",
    [
        ((8, 16), [[(8, 8)]], "2 strides but 1 sets of shapes"),
        ((), [], "strides are whole pixels"),
        ((0,), [[(8, 8)]], "strides are whole pixels"),
        ((8,), [[]], "pairs above 0"),
        ((8,), [[(8, 0)]], "pairs above 0"),
    ],
)
def test_anchors_that_make_no_sense(strides, shapes, message):
    with pytest.raises(ValueError, match=message):
        anchor_ops.Anchors(strides, shapes)


def test_ssd_default_boxes_by_hand():
    """Squares of s and sqrt(s * next), then a wide and a tall box for each ratio."""
    made = anchor_ops.ssd_anchors(100, (50, 100), (0.2, 0.45, 0.8), ((4,), ()))
    np.testing.assert_allclose(
        made.shapes[0], [(20, 20), (30, 30), (40, 10), (10, 40)], rtol=1e-6
    )
    np.testing.assert_allclose(made.shapes[1], [(45, 45), (60, 60)], rtol=1e-6)
    boxes = made(100, 100)
    assert boxes.shape == (4 * 4 + 2, 4)
    # The second position of the first row.
    np.testing.assert_allclose(boxes[4], [65, 15, 85, 35], atol=1e-4)


def test_ssd_default_boxes_are_no_longer_than_the_picture():
    made = anchor_ops.ssd_anchors(100, (100,), (0.9, 1.44), ((4,),))
    expected = [(90, 90), (100, 100), (100, 45), (45, 100)]
    np.testing.assert_allclose(made.shapes[0], expected, rtol=1e-6)
    whole = anchor_ops.ssd_anchors(100, (100,), (0.9, 1.44), ((4,),), clip=False)
    expected[1:] = [(113.84199577,) * 2, (180, 45), (45, 180)]
    np.testing.assert_allclose(whole.shapes[0], expected, rtol=1e-6)


def test_ssd_scales_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 strides .* not 1 and 3"):
        anchor_ops.ssd_anchors(100, (50, 100), (0.2, 0.45, 0.8), ((4,),))


def test_cells_that_fill_the_picture():
    """100 px in three cells; where they are not stretched the last ends at 120."""
    shapes = (((10, 10),),)
    stretched = anchor_ops.Anchors((40,), shapes, stretch=True)
    centres = stretched(100, 80)[:, :2] + 5
    np.testing.assert_allclose(centres[:, 1], [100 / 6] * 2 + [50] * 2 + [500 / 6] * 2)
    np.testing.assert_allclose(centres[:2, 0], [20, 60])
    plain = anchor_ops.Anchors((40,), shapes)(100, 80)[:, :2] + 5
    np.testing.assert_allclose(plain[::2, 1], [20, 60, 100])
    again = anchor_ops.Anchors(**stretched.to_dict())
    assert again == stretched
