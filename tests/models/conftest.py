"""What tests of large models share."""

import gc

import keras
import pytest


@pytest.fixture
def released():
    """Gives the memory of a test's models back at once: a hundred of them, each with
    its cycles of references, would fill ten gigabytes before Python looked."""
    yield
    keras.utils.clear_session(free_memory=False)
    gc.collect()
