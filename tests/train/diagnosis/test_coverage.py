"""Which boxes anchors reach, counted by hand."""

import numpy as np
import pytest
from PIL import Image

from kzoo.ops.anchors import Anchors
from kzoo.train.diagnosis import coverage

# 10 x 10, 20 x 60, 60 x 20, 40 x 40, 300 x 300 px.
SHAPES = np.array([[10, 10], [20, 60], [60, 20], [40, 40], [300, 300]], float)
FOUND = coverage.Found(
    boxes=np.concatenate([np.zeros((5, 2)), SHAPES], axis=1),
    labels=np.array([0, 1, 1, 1, 0]),
    class_names=["cell", "cat", "absent"],
    overlaps={
        "model": np.array([0.1, 0.4, 0.5, 0.9, 0.3]),
        "new": np.array([0.5, 0.6, 0.6, 0.8, 0.7]),
    },
)


def test_boxes_fall_into_groups_by_size_shape_and_class():
    counts = {
        kind: {name: int(rows.sum()) for name, rows in named.items()}
        for kind, named in coverage.groups(FOUND).items()
    }
    assert counts == {
        "all": {"all": 5},
        "size": {"8 to 16 px": 1, "32 to 64 px": 3, "256 px and more": 1},
        "shape": {"tall, beyond 1:2": 1, "about square": 3, "wide, beyond 2:1": 1},
        "class": {"cell": 2, "cat": 3},
    }


def test_figures_by_hand():
    """Of five boxes two are reached, from 0.5 on; two are missed, below 0.4."""
    found = coverage.figures(FOUND)
    assert found["all"]["all"]["boxes"] == 5
    assert found["all"]["all"]["model"] == pytest.approx(
        {"median": 0.4, "reached": 0.4, "missed": 0.4}
    )
    assert found["all"]["all"]["new"]["reached"] == 1
    cat = {"median": 0.5, "reached": 2 / 3, "missed": 0}
    assert found["class"]["cat"]["model"] == pytest.approx(cat)


def test_the_table_has_a_line_for_each_group():
    lines = coverage.table_text(FOUND).splitlines()
    cat = next(line.split() for line in lines if line.startswith("cat"))
    assert cat == ["cat", "3", "66.7%", "0.0%", "0.50", "100.0%", "0.0%", "0.60"]
    assert not any(line.startswith("absent") for line in lines)


def test_the_picture_shows_what_is_missed(tmp_path):
    """Red of the boxes below 0.4 is in it, but not where all are reached."""
    anchors = Anchors((16,), (((30, 30), (60, 20)),))
    reds = []
    for overlap in (0.3, 0.9):
        found = coverage.Found(
            FOUND.boxes,
            FOUND.labels,
            FOUND.class_names,
            {"model": np.full(5, overlap), "new": np.full(5, 0.9)},
        )
        both = {"model": anchors, "new": anchors}
        coverage.picture(found, {1: 0.5, 2: 0.7}, both, (96, 128), tmp_path / "a.png")
        image = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
        # Without the legend, below.
        red = np.all(image[:440] == [255, 0, 0], axis=-1)
        reds.append(red.sum())
    assert reds[0] > 10 and reds[1] == 0


def test_the_map_expects_more_where_anchors_are():
    edges = np.geomspace(4, 128, 41)
    anchors = Anchors((8,), (((32, 32),),))
    expected = coverage._expected(edges, anchors, (128, 128))
    middle = np.sqrt(edges[1:] * edges[:-1])
    best = np.unravel_index(expected.argmax(), expected.shape)
    np.testing.assert_allclose(middle[list(best)], 32, rtol=0.1)
    assert expected[0, 0] < 0.1 and expected.max() > 0.7
