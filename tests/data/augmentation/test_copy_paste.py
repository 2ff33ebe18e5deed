"""Objects pasted in front: what they hide goes from pictures, masks and boxes."""

import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from kzoo.data.augmentation import copy_paste
from kzoo.data.augmentation.copy_paste import CopyPaste
from kzoo.data.augmentation.perspective import Perspective
from tests.data.augmentation.painting import COLOURS, extent, painted
from tests.data.conftest import example as read

SIZE = (40, 40)


def pasted(first, second):
    first, second = (painted(40, 40, boxes) for boxes in (first, second))
    for one in (first, second):
        one["image"] = tf.cast(one["image"], tf.float32)
    second["labels"] = second["labels"] + 2
    result = copy_paste.paste(first, second)
    return {name: x.numpy() for name, x in result.items()}


def test_what_is_hidden_is_cut_out():
    """The right half of the first is hidden, three quarters and all of the others."""
    first = [(0, 0, 20, 10), (0, 30, 20, 40), (12, 14, 18, 18)]
    result = pasted(first, [(10, 0, 40, 20)])
    expected = [[0, 0, 10, 10], [0, 30, 20, 40], [10, 0, 40, 20]]
    np.testing.assert_array_equal(result["boxes"], expected)
    assert result["labels"].tolist() == [0, 1, 2]
    assert result["crowd"].tolist() == [False, True, False]
    for mask, box in zip(result["masks"], expected):
        assert extent(mask) == box
    assert result["masks"].max(0).sum() == result["masks"].sum()  # none overlap
    np.testing.assert_array_equal(result["image"][5, [5, 15]], COLOURS[[0, 0]])
    assert result["image"].shape == (40, 40, 3)


def test_a_box_that_nothing_was_taken_from_stays_exact():
    first = painted(40, 40, [(2, 2, 9, 9)])
    first["boxes"] = first["boxes"] + 0.25
    second = painted(40, 40, [(20, 20, 30, 30)])
    result = copy_paste.paste(first, second)
    np.testing.assert_allclose(result["boxes"][0], [2.25, 2.25, 9.25, 9.25])


@pytest.mark.parametrize(
    "first, second", [([], []), ([(1, 1, 9, 9)], []), ([], [(1, 1, 9, 9)])]
)
def test_no_boxes(first, second):
    result = pasted(first, second)
    assert len(result["boxes"]) == len(result["masks"]) == len(first) + len(second)


def test_it_needs_masks():
    one = {name: x for name, x in painted(9, 9, []).items() if name != "masks"}
    augment = CopyPaste(Perspective(SIZE))
    with pytest.raises(ValueError, match="copy-paste needs masks of the objects"):
        augment(one, tf.constant([0, 0], tf.int64), lambda i: one)


def test_data_without_masks_is_refused(voc):
    source = kzoo.data.open(f"voc:{voc({'train': {'a': []}})}", "train")
    with pytest.raises(ValueError, match="voc:.* has no masks of objects, which copy-"):
        kzoo.data.batches(source, 1, SIZE, training=True, augment=CopyPaste(None))


def test_a_box_around_what_is_hidden_stays_so():
    """As those of scenes: the mask of the first ends where something else begins."""
    first = painted(40, 40, [(0, 0, 20, 10)])
    seen = np.zeros((1, 40, 40), np.uint8)
    seen[0, :10, :15] = 1
    first["masks"] = tf.constant(seen)
    result = copy_paste.paste(first, painted(40, 40, [(0, 0, 5, 10)]))
    np.testing.assert_array_equal(result["boxes"], [[0, 0, 20, 10], [0, 0, 5, 10]])
    assert extent(result["masks"][0].numpy()) == [5, 0, 15, 10]


def test_scenes_have_the_masks_of_what_is_seen_in_their_boxes(scenes):
    assert scenes.has_masks
    same = count = 0
    for index in range(0, 50, 7):
        one = read(scenes, index)
        assert "masks" not in one
        one = {k: np.asarray(x) for k, x in scenes.example(index, masks=True).items()}
        assert one["masks"].shape == (len(one["boxes"]), *one["image"].shape[:2])
        for mask, box in zip(one["masks"], one["boxes"]):
            x0, y0, x1, y1 = extent(mask) - box
            assert min(x0, y0) >= -1 and max(x1, y1) <= 1
            same += max(x0, y0, -x1, -y1) <= 1
            count += 1
    assert same > 0.4 * count


def test_in_the_stream_half_of_the_pictures_get_objects_of_another(scenes):
    still = Perspective(
        (160, 160), (1.0, 1.0), 0.0, 0.0, 0.0, horizontal=0.0, colour=0.0
    )
    stream = lambda augment, **settings: kzoo.data.batches(
        scenes, 10, 160, training=True, augment=augment, **settings
    )
    augment = CopyPaste(still)
    batches = list(stream(augment).take(4))
    plain = list(stream(still).take(4))
    assert batches[0]["targets"]["boxes"].shape[1] == 2 * scenes.most_boxes
    changed = [
        np.any(one["images"][i] != other["images"][i])
        for one, other in zip(batches, plain)
        for i in range(10)
    ]
    assert 0.2 < np.mean(changed) < 0.7
    again = next(iter(stream(augment, start_step=3, worker=(1, 2))))
    np.testing.assert_array_equal(again["images"], batches[3]["images"][5:])
