"""What all tests share: flags that need no command line, and pictures from outside."""

import os
import pathlib

# Before TensorFlow starts: its CPU messages would bury a failure.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402
from absl import flags  # noqa: E402


def pytest_configure():
    flags.FLAGS.mark_as_parsed()


@pytest.fixture(scope="session")
def shared():
    """The folder of real pictures and weights; a user has none, so tests skip."""
    default = pathlib.Path(__file__).parents[2] / "shared"
    folder = pathlib.Path(os.environ.get("KZOO_SHARED", default))
    if not folder.is_dir():
        pytest.skip("no folder of real pictures and weights (KZOO_SHARED)")
    return folder
