"""Programs, each run as `python -m recipes.NAME`."""

import os

# Before TensorFlow starts: two screens of messages about this machine's processor
# would hide the first line that matters.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
