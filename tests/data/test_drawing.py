import numpy as np
import pytest

from kzoo.data import drawing, words


def scene(*seed, **settings):
    return drawing.draw(np.random.default_rng(seed), **settings)


@pytest.fixture(scope="module")
def many():
    return [scene(5, i) for i in range(150)]


def test_same_seed_same_picture():
    for i in range(5):
        first, second = scene(1, i), scene(1, i)
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])
    assert np.any(scene(1, 0)["image"] != scene(2, 0)["image"])


def test_a_box_is_the_extent_of_what_is_painted():
    """Seen alone, the pixels of a shape reach to its box; a star's tip is thin."""
    for i in range(100):
        alone = scene(2, i, objects=(1, 1))
        rows, columns = np.nonzero(alone["instances"])
        extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        thin = drawing.SHAPES[alone["labels"][0]] in ("star", "triangle")
        np.testing.assert_allclose(alone["boxes"][0], extent, atol=2.5 if thin else 1)


def test_a_shape_differs_from_the_ground_around_it():
    for i in range(20):
        alone = scene(3, i, objects=(1, 1))
        inside = alone["image"][alone["instances"] == 1].astype(float).mean(0)
        outside = alone["image"][alone["instances"] == 0].astype(float).mean(0)
        assert np.linalg.norm(inside - outside) > 30


def test_sides_are_5_to_50_percent_of_the_picture(many):
    boxes = np.concatenate([scene["boxes"] for scene in many])
    whole = np.all((boxes > 0) & (boxes < 160), axis=1)  # not clipped
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)[whole] / 160
    assert 0.05 <= sides.min() < 0.08 and 0.45 < sides.max() <= 0.5


def test_none_to_eight_shapes_of_every_kind(many):
    counts = {len(scene["labels"]) for scene in many}
    assert counts == set(range(9))
    labels = np.concatenate([scene["labels"] for scene in many])
    assert set(labels) == set(range(len(drawing.SHAPES)))


def test_shapes_hide_one_another_but_never_more_than_a_quarter(many):
    shown = []
    for scene_ in many:
        for i in np.flatnonzero(scene_["labels"] == drawing.SHAPES.index("circle")):
            box = scene_["boxes"][i]
            if np.all((box > 0) & (box < 160)) and (box[2:] - box[:2]).min() > 20:
                area = np.pi / 4 * (box[2:] - box[:2]).prod()
                shown.append(np.sum(scene_["instances"] == i + 1) / area)
    assert 0.73 < min(shown) < 0.9 and max(shown) < 1.05


def test_a_scene_without_shapes_is_whole():
    empty = scene(0, objects=(0, 0))
    assert empty["boxes"].shape == (0, 4) and empty["labels"].shape == (0,)
    assert not empty["instances"].any()
    assert words.caption(empty) == f"Nothing on a {empty['ground']} ground."
    answers = words.questions(empty, np.random.default_rng(0))
    assert {"question": "How many shapes are there?", "answer": "no"} in answers


def test_words_say_what_is_there():
    stage = {
        "labels": np.array([0, 3, 0]),
        "boxes": np.array([[50, 0, 60, 10], [0, 0, 40, 40], [70, 0, 99, 10]]),
        "colours": ["red", "blue", "pink"],
        "textures": ["plain", "dotted", "plain"],
        "ground": "green",
    }
    assert words.caption(stage) == "Two circles and a star on a green ground."
    pairs = words.questions(stage, np.random.default_rng(0))
    answers = {pair["question"]: pair["answer"] for pair in pairs}
    assert answers["How many shapes are there?"] == "three"
    assert answers["What is the largest shape?"] == "star"
    assert answers["What colour is the largest shape?"] == "blue"
    assert answers["What texture has the largest shape?"] == "dotted"
    assert answers["Which shape is furthest left?"] == "star"
