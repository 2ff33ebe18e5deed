"""Boxes: formats, overlaps and deltas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.ops import boxes as box_ops
from tests import golden
from tests.ops import slow

# One box of 20 x 10 at (10, 30) in a picture of 100 x 200 (height x width), by hand.
ONE_BOX = {
    "xyxy": [10, 30, 30, 40],
    "yxyx": [30, 10, 40, 30],
    "xywh": [10, 30, 20, 10],
    "cxcywh": [20, 35, 20, 10],
    "rel_xyxy": [0.05, 0.3, 0.15, 0.4],
    "rel_yxyx": [0.3, 0.05, 0.4, 0.15],
    "rel_xywh": [0.05, 0.3, 0.1, 0.1],
    "rel_cxcywh": [0.1, 0.35, 0.1, 0.1],
}

PAIRED = [
    box_ops.paired_iou,
    box_ops.paired_giou,
    box_ops.paired_diou,
    box_ops.paired_ciou,
]

# Every pair of these is a nasty one.
NASTY = np.array(
    [
        [0, 0, 0, 0],
        [5, 5, 5, 5],
        [0, 0, 10, 0],
        [0, 0, 0, 10],
        [10, 10, 0, 0],
        [0, 0, 10, 10],
        [-5, -5, 1e5, 1e5],
        [0, 0, 1e-20, 1e-20],
    ],
    "float32",
)


@pytest.fixture(scope="module")
def ops_golden():
    return golden.load("ops")


def random_boxes(*shape):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (*shape, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 50, (*shape, 2))], -1)
    return boxes.astype("float32")


@pytest.mark.parametrize("target", box_ops.FORMATS)
@pytest.mark.parametrize("source", box_ops.FORMATS)
def test_one_box_in_every_format(source, target):
    boxes = box_ops.convert([[ONE_BOX[source]]], source, target, height=100, width=200)
    np.testing.assert_allclose(boxes, [[ONE_BOX[target]]], atol=1e-5)


def test_every_format_is_tested():
    assert set(ONE_BOX) == set(box_ops.FORMATS)


def test_an_unknown_format_names_the_choices():
    with pytest.raises(ValueError, match="'xyhw'; kzoo has xyxy, yxyx, xywh, cxcywh"):
        box_ops.convert([[0, 0, 1, 1]], "xyxy", "xyhw")


def test_relative_boxes_need_the_size_of_the_picture():
    with pytest.raises(ValueError, match="height"):
        box_ops.convert([[0.0, 0, 1, 1]], "rel_xyxy", "xyxy")


def test_convert_takes_no_boxes():
    assert box_ops.convert(np.zeros((0, 4)), "xywh", "xyxy").shape == (0, 4)


def test_convert_works_inside_tf_data():
    dataset = tf.data.Dataset.from_tensors(np.array([ONE_BOX["xywh"]], "float32"))
    dataset = dataset.map(lambda x: box_ops.convert(x, "xywh", "rel_yxyx", 100, 200))
    np.testing.assert_allclose(list(dataset)[0], [ONE_BOX["rel_yxyx"]], atol=1e-6)


def test_area_by_hand():
    boxes = [[0, 0, 3, 4], [1, 1, 1, 9], [9, 9, 0, 0], [-2, -2, 2, 2]]
    np.testing.assert_array_equal(box_ops.area(np.array(boxes)), [12, 0, 0, 16])


def test_clip_by_hand():
    boxes = [[-5, -5, 205, 105], [10, 20, 30, 40], [300, 300, 400, 400]]
    clipped = box_ops.clip(np.array(boxes), height=100, width=200)
    expected = [[0, 0, 200, 100], [10, 20, 30, 40], [200, 100, 200, 100]]
    np.testing.assert_array_equal(clipped, expected)


def test_iou_by_hand():
    a = [[0, 0, 10, 10], [0, 0, 20, 20]]
    # The same; a quarter of the second; 5x10 shared of 150; only an edge shared.
    b = [[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]]
    expected = [[1, 50 / 150, 0], [100 / 400, 100 / 400, 100 / 400]]
    np.testing.assert_allclose(box_ops.iou(np.array(a), np.array(b)), expected)


def test_iou_of_batches_broadcasts():
    anchors, boxes = random_boxes(7), random_boxes(2, 3)
    overlaps = box_ops.iou(anchors, boxes)
    assert overlaps.shape == (2, 7, 3)
    expected = [[[slow.iou(a, b) for b in row] for a in anchors] for row in boxes]
    np.testing.assert_allclose(overlaps, expected, atol=1e-6)


def test_iou_takes_no_boxes():
    assert box_ops.iou(random_boxes(5), np.zeros((2, 0, 4))).shape == (2, 5, 0)


def test_giou_by_hand():
    # 1 x 1 squares with a gap of 1 between: hull 3, union 2, so -1/3.
    a, b = np.array([[0, 0, 1, 1]]), np.array([[2, 0, 3, 1]])
    np.testing.assert_allclose(box_ops.paired_giou(a, b), [-1 / 3], rtol=1e-6)


def test_diou_by_hand():
    # Centres 2 apart, the hull's diagonal squared is 9 + 1.
    a, b = np.array([[0, 0, 1, 1]]), np.array([[2, 0, 3, 1]])
    np.testing.assert_allclose(box_ops.paired_diou(a, b), [-4 / 10], rtol=1e-6)


def test_ciou_by_hand():
    # IoU 1/2, the same centre, angles of 45 and atan(2) degrees.
    a, b = np.array([[0, 0, 2, 2]]), np.array([[-1, 0, 3, 2]])
    shape = 4 / np.pi**2 * (np.arctan(2) - np.pi / 4) ** 2
    expected = 1 / 2 - shape**2 / (1 / 2 + shape)
    np.testing.assert_allclose(box_ops.paired_ciou(a, b), [expected], rtol=1e-5)


@pytest.mark.parametrize("paired", PAIRED)
def test_a_box_with_itself_is_one(paired):
    boxes = random_boxes(50)
    np.testing.assert_allclose(paired(boxes, boxes), np.ones(50), atol=1e-6)


@pytest.mark.parametrize("paired", PAIRED)
def test_overlaps_are_symmetric(paired):
    a, b = random_boxes(2, 50)
    np.testing.assert_allclose(paired(a, b), paired(b, a), atol=1e-6)


def test_iou_equals_torchvision(ops_golden):
    overlaps = box_ops.iou(ops_golden["overlap_a"], ops_golden["overlap_b"])
    np.testing.assert_allclose(overlaps, ops_golden["overlap_iou"], atol=1e-5)


@pytest.mark.parametrize("paired", PAIRED)
def test_nasty_boxes_give_finite_values_and_gradients(paired):
    a = tf.constant(np.repeat(NASTY, len(NASTY), axis=0))
    b = tf.constant(np.tile(NASTY, (len(NASTY), 1)))
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        overlap = paired(a, b)
    assert np.isfinite(overlap).all()
    assert np.abs(overlap).max() <= 1.5
    for gradient in tape.gradient(overlap, [a, b]):
        assert np.isfinite(gradient).all()


def test_encode_by_hand():
    # Anchor 10 x 20 around (5, 10), box 20 x 10 around (15, 5).
    deltas = box_ops.encode(np.array([[5, 0, 25, 10]]), np.array([[0, 0, 10, 20]]))
    expected = [[10 / 10, -5 / 20, np.log(2), np.log(1 / 2)]]
    np.testing.assert_allclose(deltas, expected, rtol=1e-6)


def test_decode_inverts_encode():
    boxes, anchors = random_boxes(3, 40), random_boxes(40)
    variances = (0.1, 0.1, 0.2, 0.2)
    deltas = box_ops.encode(boxes, anchors, variances)
    np.testing.assert_allclose(
        box_ops.decode(deltas, anchors, variances), boxes, atol=1e-4
    )


def test_deltas_equal_torchvision(ops_golden):
    variances = (0.1, 0.1, 0.2, 0.2)
    anchors = ops_golden["coder_anchors"]
    deltas = box_ops.encode(ops_golden["coder_boxes"], anchors, variances)
    np.testing.assert_allclose(deltas, ops_golden["coder_deltas"], atol=1e-5)
    boxes = box_ops.decode(ops_golden["coder_codes"], anchors, variances)
    np.testing.assert_allclose(boxes, ops_golden["coder_decoded"], rtol=1e-5, atol=1e-4)


def test_a_side_grows_62_times_at_most():
    x1, y1, x2, y2 = box_ops.decode(
        np.array([[0, 0, 1e6, 1e6]]), np.array([[0, 0, 16, 16]])
    )[0]
    np.testing.assert_allclose([x2 - x1, y2 - y1], [1000, 1000], rtol=1e-5)


@pytest.mark.parametrize("box", NASTY.tolist())
def test_encode_of_a_nasty_box_is_finite(box):
    assert np.isfinite(box_ops.encode(np.array([box]), random_boxes(1))).all()


def test_boxes_stay_float32_under_a_mixed_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        # bfloat16 has no 1001.
        boxes = np.array([[1001, 1001, 1003, 1003]])
        assert float(box_ops.paired_iou(boxes, boxes)[0]) == 1
        decoded = box_ops.decode(tf.zeros((1, 4), tf.bfloat16), boxes)
        np.testing.assert_array_equal(decoded, boxes)
    finally:
        keras.config.set_dtype_policy(before)


def test_ciou_equals_keras(ops_golden):
    a, b = ops_golden["overlap_a"], ops_golden["overlap_b"]
    theirs = keras.utils.bounding_boxes.compute_ciou(a, b, "xyxy")
    np.testing.assert_allclose(box_ops.paired_ciou(a, b), theirs, atol=1e-5)


def test_overlaps_equal_keras_cv(ops_golden):
    """But not its CIoU: that squares the paper's factor 4 / pi**2 too."""
    import keras_cv

    a, b = ops_golden["overlap_a"], ops_golden["overlap_b"]
    theirs = keras_cv.bounding_box.compute_iou(a, b, "xyxy")
    np.testing.assert_allclose(box_ops.iou(a, b), theirs, atol=1e-5)
    # One pair a call: its GIoU takes the diagonal over the wrong axes of a batch.
    loss = keras_cv.losses.GIoULoss("xyxy", reduction="none")
    theirs = [np.sum(loss(x[None], y[None])) for x, y in zip(a, b)]
    np.testing.assert_allclose(1 - np.asarray(box_ops.paired_giou(a, b)), theirs, 1e-5)


def test_decoding_in_a_graph_is_float32_and_has_no_captured_constants():
    """A float64 or a captured tensor breaks the exports to LiteRT and to ONNX."""
    anchors = random_boxes(6)
    graph = tf.function(
        lambda deltas: box_ops.clip(box_ops.decode(deltas, anchors), 64, 64),
        input_signature=[tf.TensorSpec((None, 6, 4))],
    ).get_concrete_function()
    kinds = {t.dtype for op in graph.graph.get_operations() for t in op.outputs}
    assert tf.float64 not in kinds
    assert not graph.captured_inputs
