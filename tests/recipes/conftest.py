"""A run of recipes.detect on two batches, which several tests look at."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest
from absl.testing import flagsaver

from recipes import detect

SETTINGS = {
    "model": "retinanet(filters=8, depth=1)",
    "backbone": "resnet18(width=0.125)",
    "image_size": ["64"],
    "train_examples": 8,
    "validation_examples": 5,
    "batch_size": 4,
    "epochs": 1,
    "evaluations": 1,
}


def run_detect(workdir, **settings):
    """recipes.detect with the smallest settings, and those given."""
    policy = keras.config.dtype_policy()
    try:
        with flagsaver.flagsaver(**{**SETTINGS, **settings, "workdir": str(workdir)}):
            detect.main([])
    finally:
        keras.config.set_dtype_policy(policy)


def program(*arguments):
    """Runs `python -m ...` as a person does; (exit code, what it wrote).

    Programs that share names of flags, as --model, cannot be one process.
    """
    command = [sys.executable, "-m", *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    run_detect(folder, export=["saved_model", "tflite_float32", "onnx"])
    return folder
