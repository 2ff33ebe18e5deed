"""A file that ships as a function from pictures to what is in them."""

import types

import numpy as np

from kzoo.deploy import metadata, runtime
from kzoo.ops.images import letterbox
from kzoo.prediction import in_pictures, read


def open(path):
    """Loads a SavedModel folder, a .tflite or an .onnx file that kzoo wrote.

    Returns:
      A `Shipped`: called with pictures it answers as `kzoo.predict` does.

    Raises:
      FileNotFoundError, ValueError: see `kzoo.deploy.inspect`.
    """
    description = metadata.inspect(path)
    run = runtime.load(str(path))
    return Shipped(description, lambda images: [run(image) for image in images])


class Shipped:
    """A file that ships, ready to run.

    Attributes:
      metadata: what `kzoo.deploy.inspect` gives.
      class_names: of the classes in the answers.
    """

    def __init__(self, description, run):
        self.metadata = description
        self.class_names = description["class_names"]
        self._run = run

    def __call__(self, pictures):
        """Answers a list of pictures of any size, paths or arrays (h, w, 3) RGB 0..255.

        Returns:
          A list with one dict a picture: what `kzoo.predict` returns; from a detector
          without NMS "boxes" (N, 4) and "scores" (N, K) of all anchors.
        """
        pictures = [read(picture) for picture in pictures]
        fitted = [fit(picture, self.metadata) for picture in pictures]
        outputs = self._run([image for image, _ in fitted])
        return [
            self._answer(rows, scale, picture.shape[:2])
            for rows, (_, scale), picture in zip(outputs, fitted, pictures)
        ]

    def _answer(self, rows, scale, size):
        """The outputs (1, ...) of one picture, in its own pixels."""
        if self.metadata["task"] == "detection" and not self.metadata["nms"]:
            boxes = to_picture(rows["boxes"][0], scale, size)
            return {"boxes": boxes, "scores": rows["scores"][0]}
        task = types.SimpleNamespace(
            name=self.metadata["task"], class_names=self.class_names
        )
        return in_pictures(task, rows, scale[None], np.array([size]))[0]


def fit(picture, description):
    """What a file sees of a picture (h, w, 3) uint8.

    Returns:
      (the input (1, H, W, 3) uint8, its scale (x, y)): the picture itself where the
      file takes any size, else letterboxed and rounded.
    """
    wanted = description["input"]
    size = wanted["height"], wanted["width"]
    if wanted["any_size"] or picture.shape[:2] == size:
        return picture[None], np.ones(2, "float32")
    image, scale = letterbox(picture, *size)
    return np.round(image).astype(np.uint8)[None], np.asarray(scale)


def to_picture(boxes, scale, size):
    """Boxes (n, 4) of a letterboxed image in a picture of (height, width) = size."""
    edges = [size[1], size[0]] * 2
    return np.clip(boxes / np.tile(scale, 2), 0, edges).astype("float32")
