"""The check itself: it must see a difference, and must not be able to cheat."""

import numpy as np
import pytest
import tensorflow as tf

from kzoo import deploy
from kzoo.deploy import checking, runtime

NMS = {"score_threshold": 0.05, "iou_threshold": 0.5, "max_detections": 3}
SIZES = [(100, 200)]


def found(*rows):
    """An answer of rows (box, score, class)."""
    boxes = np.array([box for box, _, _ in rows], "float32").reshape(-1, 4)
    scores = np.array([score for _, score, _ in rows], "float32")
    classes = np.array([label for _, _, label in rows], "int32")
    return [{"boxes": boxes, "scores": scores, "classes": classes}]


A, B = (10, 10, 50, 50), (60, 10, 90, 50)


@pytest.mark.parametrize(
    "expected, results, error",
    [
        (found(), found(), 0.0),
        (found((A, 0.9, 0)), found((A, 0.9, 0)), 0.0),
        (found((A, 0.9, 0)), found((A, 0.8, 0)), 0.1),
        # 4 pixels of 200.
        (found((A, 0.9, 0)), found(((10, 10, 54, 50), 0.9, 0)), 0.02),
        # The order of equals does not matter.
        (
            found((A, 0.7, 0), (B, 0.7, 0)),
            found((B, 0.7, 0), (A, 0.7, 0)),
            0.0,
        ),
        # Lost, and invented: as far as it is above the threshold.
        (found((A, 0.9, 0)), found(), 0.85),
        (found(), found((A, 0.3, 2)), 0.25),
        (found((A, 0.9, 0), (B, 0.0501, 1)), found((A, 0.9, 0)), 0.0001),
        # Another class is another thing.
        (found((A, 0.9, 0)), found((A, 0.9, 1)), 0.85),
        # A full list: what did not fit had to beat the last one.
        (
            found((A, 0.9, 0), (B, 0.5, 0), (A, 0.41, 1)),
            found((A, 0.9, 0), (B, 0.5, 0), (B, 0.42, 1)),
            0.01,
        ),
    ],
)
def test_the_largest_error_by_hand(expected, results, error):
    value = deploy.largest_error(expected, results, SIZES, NMS)
    assert value == pytest.approx(error, abs=1e-6)


def test_the_largest_error_of_raw_answers_by_hand():
    boxes, scores = np.zeros((5, 4)), np.full((5, 2), 0.5)
    shifted, surer = boxes.copy(), scores.copy()
    shifted[3, 1], surer[2, 1] = 3.0, 0.51
    want, have = {"boxes": boxes, "scores": scores}, {"boxes": shifted, "scores": surer}
    assert deploy.largest_error([want], [have], SIZES) == pytest.approx(3 / 200)
    assert deploy.largest_error([want], [want], SIZES) == 0


def test_answers_to_fewer_pictures_are_no_answers():
    with pytest.raises(ValueError):
        deploy.largest_error(found(), [], SIZES, NMS)


def test_a_file_of_other_weights_is_found_out(file, model, pictures):
    import kzoo

    expected = kzoo.predict(model, pictures)
    bias = next(v for v in model.variables if "logits_conv/bias" in v.path)
    before = bias.numpy()
    bias.assign(before + 0.1)
    try:
        other = kzoo.predict(model, pictures)
    finally:
        bias.assign(before)
    path = file("tflite_float32")
    assert deploy.check(path, pictures, expected).max_error < 1e-4
    # At most 0.1 * p * (1 - p) for each score.
    assert 0.005 < deploy.check(path, pictures, other).max_error < 0.0251


def test_the_fresh_process_cannot_import_kzoo(file, pictures, tmp_path, monkeypatch):
    """Nor the file of kzoo that runs there, which imports nothing of it."""
    source = open(runtime.__file__).read()
    cheat = tmp_path / "cheat.py"
    cheat.write_text(source.replace("    run = load(path)", "    import kzoo.deploy"))
    monkeypatch.setattr(runtime, "__file__", str(cheat))
    with pytest.raises(RuntimeError, match="No module named 'kzoo"):
        deploy.check(file("onnx"), pictures)


def test_a_file_that_does_not_run_is_named(file, pictures, tmp_path):
    content = file("tflite_float32").read_bytes()
    path = tmp_path / "half.tflite"
    # The metadata at the end is whole, the graph is not.
    path.write_bytes(bytes(1000) + content[1000:])
    with pytest.raises(RuntimeError, match="half.tflite does not run without kzoo"):
        deploy.check(path, pictures)


def test_no_pictures_no_error(file):
    done = deploy.check(file("onnx"), [], [])
    assert (done.results, done.max_error, done.milliseconds) == ([], 0.0, 0.0)


def test_measure_says_what_report_json_keeps(file, model, pictures):
    """Truths taken from the answers: everything is right."""
    import kzoo

    answers = kzoo.predict(model, pictures)
    targets = [
        {"boxes": x["boxes"], "labels": x["classes"], "crowd": x["classes"] < 0}
        for x in answers
    ]
    files = [file("onnx"), file("tflite_float32")]
    for row, path in zip(deploy.measure(model, files, pictures, targets), files):
        assert row["mAP"] == pytest.approx(1.0)
        assert row["max_error"] < 1e-4 and row["ms"] > 0
        assert row["bytes"] == path.stat().st_size
    with pytest.raises(ValueError, match="no NMS inside"):
        deploy.measure(model, [file("onnx", nms=False)], pictures, targets)


def test_a_file_is_measured_by_what_it_sees(file, model, odd_pictures):
    """TFLite sees rounded pictures where they must be resized; so must the model."""
    nothing = {"boxes": np.zeros((0, 4)), "labels": [], "crowd": np.zeros(0, bool)}
    (row,) = deploy.measure(
        model, [file("tflite_float32")], odd_pictures, [nothing] * len(odd_pictures)
    )
    assert row["max_error"] < 1e-4


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"12345")
    assert checking.size_of(tmp_path) == 8


def test_a_file_that_xnnpack_cannot_prepare_runs_without(tmp_path, capfd):
    """It claims a product of rank 7 and fails (LiteRT's issue 9215)."""

    @tf.function(input_signature=[tf.TensorSpec((1, 1, 2, 3), "uint8", "images")])
    def function(images):
        x = tf.reshape(tf.cast(images, "float32"), (1, 1, 1, 6))
        ones = tf.ones((6, 1, 1, 1))
        return {"scores": tf.expand_dims(tf.tensordot(x, ones, axes=1), -1)}

    module = tf.Module()
    module.function = function
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=function)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    path = tmp_path / "rank_7.tflite"
    path.write_bytes(converter.convert())
    run = runtime.load(str(path))
    picture = np.arange(6, dtype="uint8").reshape(1, 1, 2, 3)
    assert np.ravel(run(picture)["scores"]).tolist() == [15.0]
    assert "without XNNPACK" in capfd.readouterr().err
