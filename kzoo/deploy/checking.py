"""Does the file say what the model says? Asked in a fresh process without kzoo."""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from kzoo.deploy import metadata, runtime
from kzoo.deploy.opening import Shipped
from kzoo.deploy.raw import raw_errors
from kzoo.prediction import read


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
    differ by the larger of the two, and two lists of them by their Hausdorff distance:
    how far the loneliest detection of either is from its nearest of the same class in
    the other. But no detection counts more than its score is above what the other
    list asked for: one that just fell below the threshold is a small error, a lost
    object a large one.

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
    """The errors of all detections of one picture, of both lists."""
    scores = np.abs(want["scores"][:, None] - have["scores"][None])
    boxes = np.abs(want["boxes"][:, None] - have["boxes"][None]).max(-1) / side
    same_class = want["classes"][:, None] == have["classes"][None]
    distance = np.where(same_class, np.maximum(scores, boxes), np.inf)
    lost = distance.min(axis=1, initial=np.inf)
    extra = distance.min(axis=0, initial=np.inf)
    return [
        *np.clip(want["scores"] - _bar(have, nms), 0.0, lost),
        *np.clip(have["scores"] - _bar(want, nms), 0.0, extra),
    ]


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
    """The scores and costs of files beside their model, for report.json.

    Args:
      model: the Keras model that the files were written from.
      paths: SavedModel folders, .tflite and .onnx files, with NMS inside.
      pictures: see `check`.
      targets: one a picture, in its pixels, as the task's evaluator wants them.

    Returns:
      A list with one dict a path: the task's scores ("mAP", ...) of what the file
      answers in a process without kzoo; "max_error", see `kzoo.deploy.raw`, over the
      first 32 pictures; "bytes"; "ms", the median time of a picture.

    Raises:
      ValueError: for a detector without NMS.
    """
    for path in paths:
        if model.task.name == "detection" and not metadata.inspect(path)["nms"]:
            raise ValueError(f"{path} has no NMS inside, so no detections to score")
    pictures = [read(picture) for picture in pictures]
    rows = []
    for path, error in zip(paths, raw_errors(model, paths, pictures[:32])):
        found = check(path, pictures)
        rows.append(
            {
                **score(model.task, targets, found.results),
                "max_error": error,
                "bytes": found.bytes,
                "ms": found.milliseconds,
            }
        )
    return rows


def score(task, targets, results):
    """The evaluator's numbers for lists of targets and results, one a picture."""
    evaluator = task.evaluator()
    evaluator.update(targets, results)
    return evaluator.result()
