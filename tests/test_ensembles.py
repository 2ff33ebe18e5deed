"""Means of answers: of several predictors and of several views."""

import numpy as np
import pytest

from kzoo.ensembles import VIEWS, average, seen_as

NAMES = ["cat", "dog", "cow"]


def saying(*scores):
    """A predictor that answers this to every picture."""
    best = int(np.argmax(scores))
    answer = {
        "class": best,
        "name": NAMES[best],
        "score": max(scores),
        "scores": np.array(scores),
    }
    return lambda images: [answer for _ in images]


def test_probabilities_are_averaged_and_the_best_may_be_nobodys_first():
    first, second = saying(0.6, 0.4, 0.0), saying(0.0, 0.45, 0.55)
    found = average([first, second], NAMES)([None, None])
    assert len(found) == 2
    np.testing.assert_allclose(found[0]["scores"], [0.3, 0.425, 0.275])
    assert (found[0]["class"], found[0]["name"]) == (1, "dog")
    assert found[0]["score"] == pytest.approx(0.425)


def left_or_right(images):
    """Sure of class 0 where the left half is the brighter one."""
    halves = [(x[:, : x.shape[1] // 2].mean(), x.mean()) for x in images]
    return [saying(*(1.0, 0.0) if a > b else (0.0, 1.0))([0])[0] for a, b in halves]


def test_flipped_views_cancel_what_depends_on_the_side():
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, :3] = 200
    (found,) = seen_as(left_or_right, "flip", NAMES)([image])
    np.testing.assert_allclose(found["scores"], [0.5, 0.5])


def test_ten_crops_are_corners_and_centre_and_their_mirror_images():
    image = np.arange(16 * 24, dtype=np.uint8).reshape(16, 24, 1).repeat(3, -1)
    views = VIEWS["ten_crop"](image)
    assert len(views) == 10 and {view.shape for view in views} == {(14, 14, 3)}
    np.testing.assert_array_equal(views[0], image[:14, :14])
    np.testing.assert_array_equal(views[6], image[2:, 10:])
    np.testing.assert_array_equal(views[8], image[1:15, 5:19])
    np.testing.assert_array_equal(views[9], views[8][:, ::-1])


@pytest.mark.parametrize("views", VIEWS)
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (30, 20, 3)])
def test_every_view_of_odd_pictures_is_a_picture(views, shape):
    for view in VIEWS[views](np.zeros(shape, np.uint8)):
        assert view.ndim == 3 and view.size


def test_one_picture_and_none_are_answered():
    predict = seen_as(saying(0.2, 0.8, 0.0), "centre_crop", NAMES)
    assert predict([np.zeros((5, 5), np.uint8)])[0]["name"] == "dog"
    assert predict([]) == []


def test_an_unknown_view_is_told_the_choices():
    with pytest.raises(ValueError, match="no views 'twelve'; kzoo has none, flip, cen"):
        seen_as(saying(1.0), "twelve", NAMES)
