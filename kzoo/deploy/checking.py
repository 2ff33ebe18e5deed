"""Does the file say what the model says? Asked in a fresh process without kzoo."""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from kzoo.deploy import metadata, runtime
from kzoo.deploy.opening import Shipped, fit, to_picture
from kzoo.prediction import predict, read

# Detections that differ by less are one and the same, however low their score.
_NEAR = 1e-3


@dataclasses.dataclass(frozen=True)
class Check:
    """What a file did with pictures.

    Attributes:
      results: one dict a picture, as `kzoo.deploy.open` gives them.
      max_error: see `largest_error`; None if nothing was expected.
      milliseconds: median time of a picture, alone, on this machine's cores.
      bytes: size of the file, or of all files in the folder.
    """

    results: list
    max_error: float | None
    milliseconds: float
    bytes: int


def check(path, images, expected=None):
    """Runs the file at `path` on pictures, in a process that cannot import kzoo.

    Args:
      path: a SavedModel folder, a .tflite or an .onnx file that kzoo wrote.
      images: pictures of any size, paths or arrays (h, w, 3) RGB 0..255.
      expected: what the Keras model says about them: `kzoo.predict(model, images)`,
        or for a file without NMS dicts of "boxes" (N, 4) and "scores" (N, K).

    Returns:
      A `Check`.

    Raises:
      RuntimeError: if the file does not run; it tells what the process wrote.
    """
    images = [read(image) for image in images]
    seconds = []

    def run(inputs):
        outputs, times = _in_fresh_process(path, inputs)
        seconds.extend(times)
        return outputs

    description = metadata.inspect(path)
    results = Shipped(description, run)(images)
    error = None
    if expected is not None:
        sizes = [image.shape[:2] for image in images]
        error = largest_error(expected, results, sizes, description["nms"])
    time = 1000 * float(np.median(seconds)) if seconds else 0.0
    return Check(results, error, time, size_of(path))


def _in_fresh_process(path, inputs):
    """([{name: array}] of each input, seconds of each), by runtime.py alone."""
    with tempfile.TemporaryDirectory() as folder:
        given, got = f"{folder}/inputs.npz", f"{folder}/outputs.npz"
        np.savez(given, **{str(i): image for i, image in enumerate(inputs)})
        # -I: no path of ours, no environment of ours.
        command = [sys.executable, "-I", runtime.__file__, str(path), given, got]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"{path} does not run without kzoo (exit {done.returncode}):\n"
                f"{done.stderr[-4000:]}"
            )
        with np.load(got) as arrays:
            if arrays["modules"].size:
                raise RuntimeError(f"{path} imported {', '.join(arrays['modules'])}")
            rows = [{} for _ in inputs]
            for name in arrays.files:
                index, _, key = name.partition("/")
                if key:
                    rows[int(index)][key] = arrays[name]
            return rows, arrays["seconds"].tolist()


def largest_error(expected, results, sizes, nms=None):
    """The largest difference of two lists of answers to the same pictures.

    Scores differ in probability; boxes in parts of the picture's longer side. All
    anchors, or the scores of a classifier, are compared entry by entry. Detections
    differ by the larger of the two; each is paired, best first, with the one of its
    class that differs least. One that has no partner, or none so near, counts by how
    far its score is above what the other side had to reach to be listed: one that
    just fell below the threshold is a small error, a lost object a large one.

    Args:
      expected, results: lists of dicts, one a picture.
      sizes: (height, width) of each picture.
      nms: the "nms" of the file's metadata, for detections.
    """
    errors = [0.0]
    for want, have, size in zip(expected, results, sizes, strict=True):
        if nms:
            errors += _detection_errors(want, have, max(size), nms)
        else:
            errors += _entry_errors(want, have, max(size))
    return float(np.max(errors))


def _entry_errors(want, have, side):
    errors = [np.abs(want["scores"] - have["scores"]).max()]
    if "boxes" in want:
        errors.append(np.abs(want["boxes"] - have["boxes"]).max() / side)
    return errors


def _detection_errors(want, have, side, nms):
    """The errors of all detections of one picture."""
    scores = np.abs(want["scores"][:, None] - have["scores"][None])
    boxes = np.abs(want["boxes"][:, None] - have["boxes"][None]).max(-1) / side
    same_class = want["classes"][:, None] == have["classes"][None]
    errors = np.where(same_class, np.maximum(scores, boxes), np.inf)
    lost = np.maximum(want["scores"] - _bar(have, nms), 0.0)
    extra = np.maximum(have["scores"] - _bar(want, nms), 0.0)
    for row in range(len(lost)):
        nearest = int(np.argmin(errors[row])) if len(extra) else None
        if nearest is not None and errors[row, nearest] <= max(lost[row], _NEAR):
            lost[row], extra[nearest] = errors[row, nearest], 0.0
            errors[:, nearest] = np.inf
    return [*lost, *extra]


def _bar(answer, nms):
    """The score that a further detection needed to be in `answer`."""
    if len(answer["scores"]) < nms["max_detections"]:
        return nms["score_threshold"]
    return answer["scores"].min()


def size_of(path):
    """Bytes of a file, or of all files in a folder."""
    path = pathlib.Path(path)
    files = [path] if path.is_file() else [x for x in path.rglob("*") if x.is_file()]
    return sum(file.stat().st_size for file in files)


def measure(model, paths, pictures, targets):
    """The scores and costs of files beside those of their model, for report.json.

    Args:
      model: the Keras model that the files were written from.
      paths: SavedModel folders, .tflite and .onnx files, with NMS inside.
      pictures: see `check`.
      targets: one a picture, in its pixels, as the task's evaluator wants them.

    Returns:
      A list with {"mAP": ..., "max_error": ..., "bytes": ..., "ms": ...} for each path.

    Raises:
      ValueError: for a detector without NMS.
    """
    pictures, expected, rows = [read(picture) for picture in pictures], {}, []
    for path in paths:
        description = metadata.inspect(path)
        if model.task.name == "detection" and not description["nms"]:
            raise ValueError(f"{path} has no NMS inside, so no detections to score")
        any_size = description["input"]["any_size"]
        if any_size not in expected:
            expected[any_size] = _answers(model, description, pictures)
        found = check(path, pictures, expected[any_size])
        rows.append(
            {
                **score(model.task, targets, found.results),
                "max_error": found.max_error,
                "bytes": found.bytes,
                "ms": found.milliseconds,
            }
        )
    return rows


def _answers(model, description, pictures):
    """The model's answers to what a file sees: rounded, if it is resized outside."""
    fitted = [fit(picture, description) for picture in pictures]
    answers = predict(model, [image[0] for image, _ in fitted])
    for answer, (_, scale), picture in zip(answers, fitted, pictures):
        if "boxes" in answer:
            answer["boxes"] = to_picture(answer["boxes"], scale, picture.shape[:2])
    return answers


def score(task, targets, results):
    """The evaluator's numbers for lists of targets and results, one a picture."""
    evaluator = task.evaluator()
    evaluator.update(targets, results)
    return evaluator.result()
