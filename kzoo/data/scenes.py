"""The TFDS data set `kzoo_scenes`: drawn pictures with boxes, masks and words.

No download. Importing this module registers it: then `tfds.load("kzoo_scenes")` works.
Example i of a split is a pure function of (seed, split, i); no two splits share one.
"""

import dataclasses
import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from kzoo.data import drawing, words

SPLITS = {"train": 2048, "validation": 512, "test": 512}


@dataclasses.dataclass(eq=False)
class ScenesConfig(tfds.core.BuilderConfig):
    """size: the picture's side in pixels; objects: the fewest and most in a picture;
    train, validation, test: the number of examples."""

    size: int = 160
    objects: tuple = (0, 8)
    seed: int = 0
    train: int = SPLITS["train"]
    validation: int = SPLITS["validation"]
    test: int = SPLITS["test"]


BOXES = ScenesConfig(name="boxes", description="0 to 8 shapes in a picture")
SINGLE = ScenesConfig(
    name="single", description="one shape in a picture", objects=(1, 1)
)


def config(task):
    """The configuration that serves a task."""
    return SINGLE if task == "classification" else BOXES


def only(base, split, examples):
    """`base` with one split, of `examples` or some more: few sets are ever drawn."""
    enough = 1 << max(6, (examples - 1).bit_length())
    counts = {**dict.fromkeys(SPLITS, 0), split: enough}
    return dataclasses.replace(base, name=f"{base.name}_{split}{enough}", **counts)


class KzooScenes(tfds.core.GeneratorBasedBuilder):
    """Shapes with texture that hide one another, on a cloudy ground."""

    # A change of a drawing is a new version: old caches must not be read as new ones.
    VERSION = tfds.core.Version("1.0.2")
    BUILDER_CONFIGS = [BOXES, SINGLE]

    def _info(self):
        names = tfds.features.ClassLabel(names=drawing.SHAPES)
        side = self.builder_config.size
        map_of = {"shape": (side, side, 1), "encoding_format": "png"}
        shapes = {
            "bbox": tfds.features.BBoxFeature(),
            "label": names,
            "colour": tfds.features.ClassLabel(names=drawing.NAMES),
            "texture": tfds.features.ClassLabel(names=drawing.TEXTURES),
        }
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=(side, side, 3), encoding_format="png"),
            "objects": tfds.features.Sequence(shapes),
            # 0 is the ground; i + 1 where object i is seen.
            "instances": tfds.features.Image(**map_of),
            # 0 is the ground; c + 1 where an object of class c is seen.
            "label_map": tfds.features.Image(**map_of),
            "caption": tfds.features.Text(),
            "questions": tfds.features.Sequence(
                {"question": tfds.features.Text(), "answer": tfds.features.Text()}
            ),
        }
        if self.builder_config.objects == (1, 1):
            features["label"] = names
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            description=self.__doc__,
            # Written as drawn: record i is scene i.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(split)
            for split in SPLITS
            if getattr(self.builder_config, split)
        }

    def _generate_examples(self, split):
        settings = self.builder_config
        for index in range(getattr(settings, split)):
            seed = (settings.seed, list(SPLITS).index(split), index)
            rng = np.random.default_rng(seed)
            scene = drawing.draw(rng, settings.size, settings.objects)
            example = _example(scene, rng)
            example["id"] = f"{split}-{index:06d}"
            if "label" in self.info.features:
                example["label"] = int(scene["labels"][0])
            yield index, example


def _example(scene, rng):
    side = len(scene["image"])
    classes = np.concatenate([[0], scene["labels"] + 1]).astype(np.uint8)
    objects = [
        {
            "bbox": tfds.features.BBox(y0 / side, x0 / side, y1 / side, x1 / side),
            "label": int(label),
            "colour": colour,
            "texture": texture,
        }
        for (x0, y0, x1, y1), label, colour, texture in zip(
            scene["boxes"].tolist(),
            scene["labels"],
            scene["colours"],
            scene["textures"],
        )
    ]
    return {
        "image": _png(scene["image"]),
        "objects": objects,
        "instances": _png(scene["instances"]),
        "label_map": _png(classes[scene["instances"]]),
        "caption": words.caption(scene),
        "questions": words.questions(scene, rng),
    }


def _png(array):
    file = io.BytesIO()
    # Level 1: five times as quick as the default and little larger.
    Image.fromarray(array).save(file, "png", compress_level=1)
    return file.getvalue()
