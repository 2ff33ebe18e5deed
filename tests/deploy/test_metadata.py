"""What a file says about itself, and what is said of files that cannot."""

import pytest

from kzoo import deploy


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*missing.onnx"):
        deploy.inspect(tmp_path / "missing.onnx")


@pytest.mark.parametrize("name", ["picture.jpg", "model.h5", "folder"])
def test_a_file_that_does_not_ship_names_those_that_do(name, tmp_path):
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.write_bytes(b"x")
    with pytest.raises(ValueError, match=f"{name} does not ship.*SavedModel.*.onnx"):
        deploy.inspect(path)


@pytest.mark.parametrize("name", ["broken.onnx", "broken.tflite"])
def test_a_broken_file_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"\xff no model at all")
    with pytest.raises(ValueError, match=f"{name} carries no metadata"):
        deploy.open(tmp_path / name)


def test_labels_of_other_alphabets_survive(classifier, tmp_path):
    names = ["猫", "Fuß, links", 'a "b"', "d"]
    before = classifier.task.class_names
    classifier.task.class_names = names
    try:
        paths = [
            deploy.write(classifier, n, tmp_path) for n in ("tflite_float32", "onnx")
        ]
    finally:
        classifier.task.class_names = before
    for path in paths:
        assert deploy.inspect(path)["class_names"] == names
