r"""Measures every classifier for its card: parity, features, errors of exported files.

    python -m docs.measure                     those that have no measurements yet
    python -m docs.measure --names=resnet50    these, again

Writes kzoo/models/measured.json, which `kzoo.models.card` and docs/models.md show.
Parity is that of the goldens in tests/golden. Files are written from the small version
of each model (tests/models/small.py): all of its layers, few channels, drawn weights.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags
from tqdm import tqdm

import kzoo
from kzoo import deploy, models, weights
from kzoo.deploy.raw import raw_errors
from tests.golden import darknet_cases, draw, load
from tests.golden.reference import FOLDER, about
from tests.models.small import NO_FEATURES, build_small
from tests.models.test_darknet_parity import in_their_classes

NAMES = flags.DEFINE_list("names", None, "Builders; by default those not measured yet.")
ONE = flags.DEFINE_string("one", None, "Prints what is measured of this builder.")
RECORD = pathlib.Path(kzoo.__file__).parent / "models/measured.json"
FORMATS = ("saved_model", "tflite_float32", "tflite_int8", "onnx")
PICTURES = 16


def main(_):
    if ONE.value:
        print("MEASURED" + json.dumps(measured(ONE.value)))
        return
    record = json.loads(RECORD.read_text())
    names = NAMES.value or [
        name for name in models.names("classification") if name not in record
    ]
    for name in (bar := tqdm(names)):
        bar.set_description(name)
        try:
            record[name] = in_own_process(name)
        except subprocess.CalledProcessError as error:
            tqdm.write(f"{name} failed: {error}")
            continue
        text = json.dumps(dict(sorted(record.items())), indent=1) + "\n"
        RECORD.write_text(text)


def in_own_process(name):
    """`measured`, where TensorFlow's converters can leak as they do."""
    command = [sys.executable, "-m", "docs.measure", f"--one={name}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.rpartition("MEASURED")[2])


def measured(name):
    return {
        "features": features(name),
        "parity": parity(name),
        "exports": exports(name),
    }


def features(name):
    """{level: [stride, channels]} of the default builder."""
    if name in NO_FEATURES:
        return {}
    levels = models.build(name, classes=None).output
    return {k: [2 ** int(k[1:]), x.shape[-1]] for k, x in levels.items()}


def parity(name):
    """[the largest relative error of logits, against what], over its goldens."""
    pairs = [*darknets_logits(name)]
    references = ["the authors' Darknet, C"] if pairs else []
    for path in sorted(FOLDER.glob("*.npz")):
        facts = about(path)
        if facts["builder"] != name:
            continue
        shape = (*facts["size"], 3)
        model = models.build(name, input_shape=shape, **facts["arguments"])
        weights.load(model, draw.weights(facts["shapes"]))
        outputs = model(draw.pictures(2, *facts["size"]), training=False)
        if isinstance(outputs, dict):
            outputs = outputs["logits"]
        with np.load(path) as golden:
            pairs.append((np.asarray(outputs), golden["logits"]))
        references.append(facts["reference"])
    errors = [np.abs(x - y).max() / np.abs(y).max() for x, y in pairs]
    return [float(max(errors)), ", ".join(references)] if errors else None


def darknets_logits(name):
    """(ours, theirs) of a classifier whose weights come as a file of Darknet's."""
    if name not in darknet_cases.FILES:
        return
    file = darknet_cases.FILES[name]
    model = file.build()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "theirs.weights"
        darknet_cases.write(path, darknet_cases.drawn(file.layers()))
        weights.load(model, path)
    ours = in_their_classes(model(draw.pictures(2, *file.size), training=False))
    yield draw.summary(ours, 500), load("darknet")[f"{name}_logits"]


def exports(name):
    """{format: the largest difference of a probability, or why there is no file}."""
    model = build_small(name)
    drawn = draw.weights({w.path: w.shape for w in model.weights})
    for weight in model.weights:
        weight.assign(drawn[weight.path])
    pictures = draw.pictures(PICTURES, *model.input_shape[1:3])
    # Drawn weights can give logits so large that every probability is 0 or 1.
    spread = float(np.std(model(pictures, training=False)))
    for weight in model.weights:
        if weight.path.startswith("logits/"):
            weight.assign(weight / spread)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in FORMATS:
            try:
                path = deploy.write(model, kind, folder, pictures, fewer_ok=True)
                (found[kind],) = raw_errors(model, [path], pictures[:4])
            except ValueError as error:
                found[kind] = str(error)
    return found


if __name__ == "__main__":
    app.run(main)
