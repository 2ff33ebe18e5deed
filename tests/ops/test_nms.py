"""NMS equals a slow loop, wherever it runs: Keras, a graph, LiteRT, ONNX Runtime."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from kzoo.ops import native
from kzoo.ops.nms import nms
from tests import golden
from tests.ops import slow

N, D, IOU, SCORE = 24, 6, 0.5, 0.1
SETTINGS = {"iou_threshold": IOU, "score_threshold": SCORE, "max_detections": D}


def slow_nms(boxes, scores, classes):
    """One picture; the definition, word by word."""
    kept = []
    # sorted is stable, so the lower index of a tie comes first.
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        x1, y1, x2, y2 = boxes[i]
        rivals = [boxes[j] for j in kept if classes[j] == classes[i]]
        if scores[i] > SCORE and x2 > x1 and y2 > y1:
            if all(slow.iou(boxes[i], rival) <= IOU for rival in rivals):
                kept.append(i)
    kept = kept[:D]
    pad = [(0, D - len(kept))]
    return {
        "boxes": np.pad(boxes[kept], [*pad, (0, 0)]),
        "scores": np.pad(scores[kept], pad),
        "classes": np.pad(classes[kept], pad),
        "count": len(kept),
    }


def pictures():
    """Batches of (boxes (N, 4), scores (N,), classes (N,)): random ones, nasty ones."""
    rng = np.random.default_rng(0)
    made = {}
    for i in range(12):
        # Few places and sizes, so that many overlap; few classes, then many.
        corner = rng.uniform(0, 60, (N, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(10, 50, (N, 2))], -1)
        classes = rng.integers(0, [1, 3, 90][i % 3], N)
        made[f"random {i}"] = boxes, rng.uniform(0, 1, N), classes
    boxes, scores, classes = made["random 1"]
    whole = np.round(boxes / 10) * 10
    made["whole pixels, IoU of exactly the threshold"] = (
        np.tile([[0, 0, 10, 20], [0, 0, 10, 10], [0, 10, 10, 20]], (N // 3, 1)),
        np.linspace(0.9, 0.2, N),
        np.zeros(N, int),
    )
    made["ties"] = whole, np.full(N, 0.5), classes
    made["ties in pairs"] = whole, np.repeat(scores[: N // 2], 2), classes
    made["one box many times"] = np.tile(boxes[:1], (N, 1)), scores, np.zeros(N, int)
    made["the same, each its class"] = np.tile(boxes[:1], (N, 1)), scores, np.arange(N)
    made["all below the threshold"] = boxes, np.full(N, SCORE / 2), classes
    made["all at the threshold"] = boxes, np.full(N, SCORE), classes
    made["one above"] = boxes, np.where(np.arange(N) == 17, 0.9, 0.0), classes
    made["no area"] = boxes[:, [0, 1, 0, 1]], scores, classes
    made["no width"] = boxes[:, [0, 1, 0, 3]], scores, classes
    mixed = np.where(np.arange(N)[:, None] % 2, boxes, 0.0)
    made["every other one all zeros"] = mixed, scores, classes
    made["sides the wrong way round"] = boxes[:, [2, 3, 0, 1]], scores, classes
    made["out of the picture"] = boxes - 200, scores, classes
    far = np.array([[0, i * 1000, 30, i * 1000 + 30] for i in range(N)])
    made["far apart"] = far, scores, classes
    return {
        name: (boxes.astype("float32"), scores.astype("float32"), ids.astype("int32"))
        for name, (boxes, scores, ids) in made.items()
    }


CASES = pictures()


def by_ops(boxes, scores, classes):
    """As on a backend other than TensorFlow."""
    index, count = native.select_by_ops(
        *map(tf.convert_to_tensor, (boxes, scores, classes)), IOU, SCORE, D
    )
    real = np.arange(D) < count.numpy()[:, None]
    rows = [np.take(x[0], index[0], axis=0)[None] for x in (boxes, scores, classes)]
    rows[0] = rows[0] * real[..., None]
    return {
        "boxes": rows[0],
        "scores": rows[1] * real,
        "classes": rows[2] * real,
        "count": count.numpy(),
    }


def graph(batch):
    return tf.function(
        lambda boxes, scores, classes: nms(boxes, scores, classes, **SETTINGS),
        input_signature=[
            # tf2onnx wants no input with the name of an output.
            tf.TensorSpec((batch, N, 4), tf.float32, name="all_boxes"),
            tf.TensorSpec((batch, N), tf.float32, name="all_scores"),
            tf.TensorSpec((batch, N), tf.int32, name="all_classes"),
        ],
    )


def litert(folder):
    """Builtin operations alone: the reference interpreter has no others."""
    module = tf.Module()
    module.nms = graph(batch=1)
    tf.saved_model.save(module, folder, signatures=module.nms)
    content = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    run = interpreter.get_signature_runner()
    return lambda boxes, scores, classes: run(
        all_boxes=boxes, all_scores=scores, all_classes=classes
    )


def onnx(batch):
    import onnxruntime
    import tf2onnx

    function = graph(batch)
    proto, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=17
    )
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    names = [output.name for output in session.get_outputs()]

    def run(boxes, scores, classes):
        inputs = {"all_boxes": boxes, "all_scores": scores, "all_classes": classes}
        return dict(zip(names, session.run(None, inputs)))

    return run


@pytest.fixture(scope="module")
def runner(request, tmp_path_factory):
    return {
        "eager": lambda: lambda *batch: nms(*batch, **SETTINGS),
        "keras.ops": lambda: by_ops,
        "graph": lambda: graph(1),
        "graph, any batch": lambda: graph(None),
        "LiteRT": lambda: litert(tmp_path_factory.mktemp("nms")),
        "ONNX": lambda: onnx(1),
        "ONNX, any batch": lambda: onnx(None),
    }[request.param]()


RUNNERS = ["eager", "keras.ops", "graph", "graph, any batch"]
RUNNERS += ["LiteRT", "ONNX", "ONNX, any batch"]


def check(result, batch):
    for row, picture in enumerate(zip(*batch)):
        for name, expected in slow_nms(*picture).items():
            actual = np.asarray(result[name])[row]
            np.testing.assert_array_equal(actual, expected, err_msg=name)


@pytest.mark.parametrize("runner", RUNNERS, indirect=True)
def test_equals_a_slow_loop(runner):
    for name, picture in CASES.items():
        print(name)
        batch = [x[None] for x in picture]
        check(runner(*batch), batch)


@pytest.mark.parametrize(
    "runner", ["eager", "graph, any batch", "ONNX, any batch"], indirect=True
)
def test_pictures_of_a_batch_do_not_meet(runner):
    batch = [np.stack(x) for x in zip(*CASES.values())]
    check(runner(*batch), batch)


def test_equals_torchvision():
    expected = golden.load("ops")
    boxes, scores, classes = (
        expected[f"nms_{name}"] for name in ("boxes", "scores", "classes")
    )
    kept = expected["nms_kept"]
    batch = boxes[None], scores[None], classes[None]
    result = nms(*batch, score_threshold=-1.0, max_detections=60)
    assert int(result["count"][0]) == len(kept)
    np.testing.assert_array_equal(result["boxes"][0][: len(kept)], boxes[kept])
    np.testing.assert_array_equal(result["classes"][0][: len(kept)], classes[kept])


def test_equals_keras_cv_for_one_class():
    import keras_cv

    batch = [np.stack(x) for x in zip(*[CASES[f"random {i}"] for i in range(0, 12, 3)])]
    layer = keras_cv.layers.NonMaxSuppression(
        "xyxy", False, iou_threshold=IOU, confidence_threshold=SCORE, max_detections=D
    )
    boxes, scores, _ = batch
    theirs = layer(tf.constant(boxes), tf.constant(scores[..., None]))
    ours = nms(*batch, **SETTINGS)
    count = np.asarray(ours["count"])
    np.testing.assert_array_equal(count, theirs["num_detections"])
    for row, end in enumerate(count):
        np.testing.assert_array_equal(
            ours["boxes"][row, :end], theirs["boxes"][row, :end]
        )


@pytest.mark.parametrize("batch", [1, 3])
def test_no_boxes(batch):
    empty = np.zeros((batch, 0, 4)), np.zeros((batch, 0)), np.zeros((batch, 0), int)
    result = nms(*empty, **SETTINGS)
    assert result["boxes"].shape == (batch, D, 4)
    assert all(not np.any(value) for value in result.values())


def test_more_rows_than_boxes():
    boxes = np.array([[[0, 0, 9, 9], [20, 20, 29, 29]]])
    result = nms(boxes, np.array([[0.3, 0.8]]), np.array([[0, 7]]), max_detections=5)
    np.testing.assert_allclose(result["scores"], [[0.8, 0.3, 0, 0, 0]])
    np.testing.assert_array_equal(result["classes"], [[7, 0, 0, 0, 0]])


@pytest.mark.parametrize("run", [native.select, native.select_by_ops])
@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_at_their_ends(run, threshold):
    """At 0 any overlap drops a box; at 1 nothing does, not even its equal."""
    boxes = tf.constant([[[0, 0, 9, 9], [8, 8, 17, 17], [9, 0, 18, 9.0], [0, 0, 9, 9]]])
    scores, classes = tf.constant([[0.9, 0.8, 0.7, 0.6]]), tf.zeros((1, 4), tf.int32)
    index, count = run(boxes, scores, classes, threshold, 0.0, 4)
    kept = index[0, : int(count[0])].numpy().tolist()
    assert kept == ([0, 2] if threshold == 0 else [0, 1, 2, 3])


def test_many_classes_over_a_large_picture_cost_no_precision_that_matters():
    """1203 classes (LVIS) over 4096 pixels, against a loop that knows classes."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 4000, (1, 400, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(8, 96, (1, 400, 2))], -1)
    boxes = np.repeat(boxes, 3, axis=1) + rng.uniform(-4, 4, (1, 1200, 4))
    classes = np.repeat(rng.integers(0, 1203, (1, 400)), 3, axis=1)
    scores = rng.uniform(size=(1, 1200))
    batch = [
        tf.constant(x, t)
        for x, t in ((boxes, "float32"), (scores, "float32"), (classes, "int32"))
    ]
    index, count = native.select(*batch, 0.5, 0.0, 1200)
    loop = tf.function(native.select_by_ops)
    expected, expected_count = loop(*batch, 0.5, 0.0, 1200)
    assert 400 < int(count[0]) == int(expected_count[0]) < 1200
    end = int(count[0])
    np.testing.assert_array_equal(index[0, :end], expected[0, :end])


def test_everything_is_float32_or_int32():
    function = graph(None).get_concrete_function()
    kinds = {t.dtype for op in function.graph.get_operations() for t in op.outputs}
    assert not kinds & {tf.float64, tf.int64}
