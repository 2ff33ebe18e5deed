"""What the paper says of LeNet-5: its layers' sizes, table I, its codes, its loss."""

import math

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.losses.classification import maximum_a_posteriori
from kzoo.models.classification.lenet5 import C3, codes, squash


@pytest.fixture(scope="module")
def lenet5():
    return models.lenet5()


def test_each_layer_has_the_papers_number_of_parameters(lenet5):
    """Section II.B; the 840 of the distances do not learn."""
    found = {x.name: x.count_params() for x in lenet5.layers if x.count_params()}
    assert found == {
        "c1_conv": 156,
        "s2_subsampling": 12,
        "c3_conv": 1516,
        "s4_subsampling": 32,
        "head_c5_conv": 48120,
        "head_f6": 10164,
    }


def test_it_has_the_papers_connections(lenet5):
    """122,304 + 5,880 + 151,600 + 2,000 + 48,120 + 10,164 and the distances' 840."""
    total = 0
    for layer in lenet5.layers:
        if layer.name.endswith("subsampling"):
            # Four values and a bias make one.
            total += 5 * math.prod(layer.output.shape[1:])
        elif layer.count_params():
            total += layer.count_params() * math.prod(layer.output.shape[1:-1])
    assert total + 84 * 10 == 340_908


def test_a_map_of_c3_sees_what_table_1_marks(lenet5):
    """Each other map of S2 may be anything."""
    layer = lenet5.get_layer("c3_conv")
    x = np.random.default_rng(0).normal(size=(1, 14, 14, 6)).astype("float32")
    before = np.asarray(layer(x))
    for seen in range(6):
        changed = x.copy()
        changed[..., seen] += 1
        moved = np.any(np.asarray(layer(changed)) != before, axis=(0, 1, 2))
        assert [seen in maps for maps in C3] == list(moved)
    assert [len(maps) for maps in C3] == 6 * [3] + 9 * [4] + [6]


def test_a_unit_on_its_code_is_at_no_distance(lenet5):
    layer = lenet5.get_layer("logits")
    distances = -np.asarray(layer(np.float32(codes(10))))
    assert np.all(np.diag(distances) == 0)
    # Each value that differs costs 2 ** 2.
    expected = [[4 * sum(np.not_equal(a, b)) for b in codes(10)] for a in codes(10)]
    np.testing.assert_array_equal(distances, expected)


def test_more_classes_than_digits_have_codes_of_their_own():
    rows = np.array(codes(95))
    assert rows.shape == (95, 84)
    assert len(np.unique(rows, axis=0)) == 95
    np.testing.assert_array_equal(rows[:10], codes(10))


def test_squashing_leaves_the_codes_where_they_are():
    """Appendix A: f(1) = 1 and f(-1) = -1."""
    found = np.asarray(squash(np.float32([-1, 0, 1])))
    np.testing.assert_allclose(found, [-1, 0, 1], atol=1e-4)


def test_the_loss_is_equation_9():
    """y + log(e ** -j + sum of e ** -y), with distances 1 and 3 and j = 2."""
    expected = 1 + math.log(math.exp(-2) + math.exp(-1) + math.exp(-3))
    logits = np.float32([[-1, -3]])
    found = maximum_a_posteriori(np.array([0]), logits, rubbish=2.0)
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
    shares = maximum_a_posteriori(np.float32([[1, 0]]), logits, rubbish=2.0)
    np.testing.assert_allclose(shares, [expected], rtol=1e-6)


def test_the_loss_does_not_push_what_is_far_away():
    near = maximum_a_posteriori(np.array([0]), np.float32([[-1, -100]]))
    far = maximum_a_posteriori(np.array([0]), np.float32([[-1, -1000]]))
    np.testing.assert_allclose(near, far, rtol=1e-6)
    assert keras.ops.convert_to_numpy(near)[0] == pytest.approx(0, abs=1e-3)


def test_grey_pictures_give_the_same_in_any_colour_order():
    model = models.lenet5_modern()
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1))
    picture = picture.repeat(3, axis=-1).astype("uint8")
    grey = np.asarray(model.get_layer("preprocess")(picture))
    np.testing.assert_allclose(grey[..., 0], picture[..., 0] / 255, atol=1e-6)
