"""Neighbours, a matrix and two: worked by hand, and against scikit-learn's votes."""

import keras
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

import kzoo
from kzoo import models
from kzoo.models.basics.nearest_neighbour import remember

SHAPE = (4, 5, 3)


def pictures(count, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, *SHAPE)).astype("uint8")


def filled(count=60, room=60, classes=4, **arguments):
    arguments = {"classes": classes, "input_shape": SHAPE, **arguments}
    model = models.nearest_neighbour(examples=room, **arguments)
    labels = np.random.default_rng(1).integers(0, classes, count)
    remember(model, pictures(count), labels)
    return model, labels


def shares(model, images):
    found = model.task.results(model(images, training=False))
    return keras.ops.convert_to_numpy(found["scores"])


@pytest.mark.parametrize("distance, power", [("l1", 1), ("l2", 2)])
@pytest.mark.parametrize("k", [1, 5])
def test_votes_are_scikit_learns(distance, power, k):
    model, labels = filled(k=k, distance=distance)
    reference = KNeighborsClassifier(k, p=power)
    reference.fit(pictures(60).reshape(60, -1).astype("float64"), labels)
    new = pictures(20, seed=2)
    expected = reference.predict_proba(new.reshape(20, -1).astype("float64"))
    np.testing.assert_allclose(shares(model, new), expected, atol=1e-5)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_an_example_is_its_own_nearest(distance):
    model, labels = filled(distance=distance)
    np.testing.assert_array_equal(shares(model, pictures(60)).argmax(-1), labels)


def test_the_distances_differ():
    """One pixel off by 100, four by 40: 100 < 160, but 100 ** 2 > 4 * 40 ** 2."""
    examples = np.zeros((2, *SHAPE), "uint8")
    examples[0].flat[0] = 100
    examples[1].flat[:4] = 40
    for distance, nearest in (("l1", 0), ("l2", 1)):
        model = models.nearest_neighbour(
            classes=2, input_shape=SHAPE, examples=2, distance=distance
        )
        remember(model, examples, [0, 1])
        answer = shares(model, np.zeros((1, *SHAPE), "uint8"))
        assert answer.argmax() == nearest


def test_room_that_is_left_is_no_neighbour():
    few, _ = filled(room=100, k=3)
    exact, _ = filled(room=60, k=3)
    np.testing.assert_allclose(
        shares(few, pictures(9, 2)), shares(exact, pictures(9, 2)), atol=1e-6
    )


def test_the_training_set_is_its_weights(tmp_path):
    model, _ = filled(k=3)
    kzoo.save(model, tmp_path / "folder")
    loaded = kzoo.load(tmp_path / "folder")
    new = pictures(9, seed=2)
    np.testing.assert_array_equal(shares(loaded, new), shares(model, new))
    again, _ = filled(count=5, k=3)
    kzoo.weights.load(again, tmp_path / "folder")
    np.testing.assert_array_equal(shares(again, new), shares(model, new))


def test_what_does_not_fit_is_told():
    model, _ = filled(room=60)
    with pytest.raises(ValueError, match="61 pictures with 61 labels are no up to 60"):
        remember(model, pictures(61), np.zeros(61, int))
    with pytest.raises(ValueError, match=r"pictures are \(5, 4, 3\), not \(4, 5, 3\)"):
        remember(model, np.zeros((1, 5, 4, 3)), [0])
    with pytest.raises(ValueError, match="no distance 'cosine'; kzoo has l1, l2"):
        models.nearest_neighbour(distance="cosine")
    with pytest.raises(ValueError, match="of 3 examples 4 cannot be the nearest"):
        models.nearest_neighbour(k=4, examples=3)


@pytest.mark.parametrize("name", ["linear_classifier", "two_layer_network"])
def test_the_loss_is_the_tasks(name):
    model = models.build(name, classes=3, input_shape=SHAPE, loss="squared_hinge")
    images, labels = pictures(2), np.array([0, 2])
    losses = model.task.losses(model, images, labels, training=True)
    assert list(losses) == ["squared_hinge"]
    logits = keras.ops.convert_to_numpy(model(images))
    margins = [
        max(0.0, 1 + row[wrong] - row[right]) ** 2
        for row, right in zip(logits, labels)
        for wrong in range(3)
        if wrong != right
    ]
    assert float(losses["squared_hinge"]) == pytest.approx(sum(margins) / 2, rel=1e-5)
    with pytest.raises(ValueError, match="no loss 'l3'; kzoo has cross_entropy, hinge"):
        models.build(name, loss="l3")
