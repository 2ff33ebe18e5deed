"""The Python of every page runs, from top to bottom, in a process of its own."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [
    p
    for p in [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    if BLOCK.search(p.read_text())
]
QUICK = ("training.md",)
# On a CPU the first lines of README would train for an hour: here on eight pictures.
SMALLER = {
    '("scenes", "train", image_size': '("scenes", "train", examples=8, image_size'
}


def code(page):
    """The blocks of a page, each at its own line of the page, for the traceback."""
    text = page.read_text()
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        rows = block[1].splitlines()
        lines[first : first + len(rows)] = rows
    source = "\n".join(lines)
    for long, short in SMALLER.items():
        source = source.replace(long, short)
    return source


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page, id=page.name, marks=[] if page.name in QUICK else pytest.mark.slow
        )
        for page in PAGES
    ],
)
def test_a_page_runs(page, tmp_path):
    (tmp_path / page.name).with_suffix(".py").write_text(code(page))
    picture = np.zeros((60, 80, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "street.jpg")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TFDS_DATA_DIR": str(tmp_path / "tfds"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    script = [sys.executable, page.with_suffix(".py").name]
    done = subprocess.run(
        script, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_pages_are_found():
    assert {"README.md", "training.md"} <= {page.name for page in PAGES}
