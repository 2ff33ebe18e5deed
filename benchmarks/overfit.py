r"""Which classifiers learn 32 drawn pictures by heart, in how many steps.

    python -m benchmarks.overfit --output=overfit.json
    python -m benchmarks.overfit --output=overfit.json --names=resnet50,vit_ti16

The small version of each (tests/models/small.py), Adam, nothing dropped, evaluated as
inference. Models that are in the file are not run again. A wrong loss, a stopped
gradient or statistics that nobody updates show here and in no forward pass.
"""

import json
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from tqdm import tqdm

from kzoo import models
from kzoo.data import drawing
from kzoo.train.diagnosis import learning
from kzoo.train.workdir import write_text
from tests.models.small import build_small

NAMES = flags.DEFINE_list("names", None, "Which; all classifiers by default.")
OUTPUT = flags.DEFINE_string("output", "overfit.json", "JSON file to write.")

PICTURES, STEPS, RATE = 32, 300, 1e-3
# What wants more steps: 1001 layers, two channels inside the first blocks.
LONGER = {"resnet1001_v2_cifar": 600}
# What does not learn in so few steps at that rate.
RATES = {"highway": 5e-4, "lenet5": 1e-2}
# SqueezeNet ends in a ReLU: with few channels, or after large steps, a class is 0 for
# all pictures, and no gradient mends that. Its dropout varies what the ReLU gets.
SQUEEZENETS = [n for n in models.names("classification") if n.startswith("squeezenet")]
RATES |= dict.fromkeys(SQUEEZENETS, 3e-4)
# In place of the small version's arguments.
ARGUMENTS = {"highway": {"input_shape": (32, 32, 3)}}
ARGUMENTS |= dict.fromkeys(SQUEEZENETS, {"width": 1.0})


def pictures(side):
    """(images (B, H, W, 3) uint8, labels (B,) int32): one shape each, its kind."""
    rng = np.random.default_rng(0)
    scenes = [drawing.draw(rng, side, (1, 1)) for _ in range(PICTURES)]
    images = np.stack([scene["image"] for scene in scenes])
    return images, np.array([scene["labels"][0] for scene in scenes], "int32")


def small(name):
    """(the small version of `name`, pictures for it, their labels)."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    arguments = ARGUMENTS.get(name, {})
    model = build_small(name, classes=len(drawing.SHAPES), **arguments)
    return model, *pictures(model.input_shape[1])


def by_heart(model, images, labels, progress=True):
    """A `kzoo.train.diagnosis.learning.Overfit` of what `small` gives."""
    name = model.spec.builder
    rate, dropout = RATES.get(name, RATE), name in SQUEEZENETS
    steps = LONGER.get(name, STEPS)
    return learning.overfit(model, images, labels, steps, rate, dropout, progress)


def learners():
    """The classifiers that have weights to learn."""
    # The weights of nearest neighbours are the pictures.
    return [n for n in models.names("classification") if "neighbour" not in n]


def main(_):
    path = pathlib.Path(OUTPUT.value)
    rows = json.loads(path.read_text())["models"] if path.exists() else {}
    names = NAMES.value or learners()
    for name in tqdm([name for name in names if name not in rows], unit="model"):
        began = time.monotonic()
        done = by_heart(*small(name), progress=False)
        rows[name] = {
            "top1": done.value,
            "steps": done.steps,
            "most_steps": LONGER.get(name, STEPS),
            "rate": RATES.get(name, RATE),
            "first_loss": done.losses[0],
            "last_loss": done.losses[-1],
            "seconds": round(time.monotonic() - began, 1),
        }
        tqdm.write(f"{name:32} top1 {done.value:.3f} after {done.steps} steps")
        versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
        settings = {"pictures": PICTURES, **versions}
        write_text(path, json.dumps({**settings, "models": rows}, indent=1) + "\n")
    failed = [name for name in names if rows[name]["top1"] < 1]
    print(f"{len(names) - len(failed)} of {len(names)} know all {PICTURES} pictures")
    if failed:
        print(f"not: {', '.join(failed)}")


if __name__ == "__main__":
    app.run(main)
