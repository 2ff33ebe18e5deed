"""The stream is a pure function of (seed, position): what makes a resumed run exact."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kzoo.data
from kzoo.data.batching import Closing, fitted
from kzoo.ops.images import letterbox
from tests.data.conftest import example, painted, write

SIZE = (48, 64)


def take(dataset, count):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def training(source, batch_size=8, **settings):
    return kzoo.data.batches(source, batch_size, SIZE, training=True, **settings)


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def joined(batches):
    return tf.nest.map_structure(lambda *rows: np.concatenate(rows), *batches)


def test_shapes_and_types(scenes):
    spec = training(scenes, max_boxes=11).element_spec
    assert spec["images"] == tf.TensorSpec((8, *SIZE, 3), tf.uint8)
    assert spec["targets"] == {
        "boxes": tf.TensorSpec((8, 11, 4), tf.float32),
        "labels": tf.TensorSpec((8, 11), tf.int32),
        "valid": tf.TensorSpec((8, 11), tf.bool),
    }
    assert spec["index"] == tf.TensorSpec((8,), tf.int64)


@pytest.mark.parametrize("start", [3, 13])
def test_a_stream_that_starts_at_step_k_is_the_stream_after_k_batches(scenes, start):
    whole = take(training(scenes), start + 3)[start:]
    assert_equal(whole, take(training(scenes, start_step=start), 3))


def test_workers_share_the_batches_of_one(scenes):
    one = take(training(scenes), 9)
    two = [take(training(scenes, worker=(w, 2)), 9) for w in range(2)]
    assert_equal(one, [joined(parts) for parts in zip(*two)])


def test_the_batch_size_does_not_change_the_stream(scenes):
    small, large = take(training(scenes, 5), 4), take(training(scenes, 10), 2)
    assert_equal(joined(small), joined(large))


def test_an_epoch_visits_each_example_once_in_an_order_of_its_own(scenes):
    rows = joined(take(training(scenes, 25), 6))["index"].reshape(3, 50)
    for epoch in rows:
        assert sorted(epoch) == list(range(50))
    assert np.any(rows[0] != rows[1]) and np.any(rows[1] != rows[2])


def test_another_seed_is_another_stream(scenes):
    first, again, other = (take(training(scenes, seed=s), 1)[0] for s in (0, 0, 1))
    assert_equal(first, again)
    assert np.any(first["index"] != other["index"])


def test_the_names_in_a_batch_can_be_told_without_it(scenes):
    index = take(training(scenes, seed=3), 9)[8]["index"]
    names = kzoo.data.names_at(scenes, 8, step=8, seed=3)
    assert names == [scenes.ids[i] for i in index]


def test_the_same_example_differs_between_epochs(scenes):
    batches = joined(take(training(scenes, 50), 2))
    first, second = np.flatnonzero(batches["index"] == 7)
    assert np.any(batches["images"][first] != batches["images"][second])


def test_evaluation_is_one_pass_in_order_filled_up(scenes):
    batches = list(kzoo.data.batches(scenes, 16, SIZE, training=False))
    assert len(batches) == 4
    rows = joined(batches)
    assert rows["index"].tolist() == list(range(50)) + [49] * 14
    assert rows["real"].tolist() == [True] * 50 + [False] * 14


def test_evaluation_is_the_letterbox(scenes):
    batch = next(iter(kzoo.data.batches(scenes, 4, SIZE, training=False)))
    for i in range(4):
        read = example(scenes, i)
        image, scale = letterbox(read["image"], *SIZE)
        np.testing.assert_array_equal(batch["images"][i], image)
        np.testing.assert_array_equal(batch["scale"][i], scale)
        np.testing.assert_array_equal(batch["size"][i], [160, 160])
        valid = batch["targets"]["valid"][i].numpy()
        assert valid.sum() == len(read["boxes"])
        boxes = batch["targets"]["boxes"][i].numpy()
        np.testing.assert_allclose(boxes[valid], read["boxes"] * 0.3, rtol=1e-6)
        assert not boxes[~valid].any()


def test_workers_share_the_evaluation(scenes):
    one = list(kzoo.data.batches(scenes, 16, SIZE, training=False))
    two = [
        list(kzoo.data.batches(scenes, 16, SIZE, training=False, worker=(w, 2)))
        for w in range(2)
    ]
    assert_equal(one, [joined(parts) for parts in zip(*two)])


def test_truths_are_in_the_pixels_of_the_picture(scenes):
    batches = kzoo.data.batches(scenes, 16, SIZE, training=False)
    truths = [truth for batch in batches for truth in kzoo.data.truths(batch)]
    assert len(truths) == 50
    for i in (0, 49):
        read = example(scenes, i)
        np.testing.assert_allclose(truths[i]["boxes"], read["boxes"], atol=1e-4)
        np.testing.assert_array_equal(truths[i]["labels"], read["labels"])


def test_a_crowd_is_not_learnt_but_known_to_the_evaluator(voc):
    objects = [("cat", 1, 1, 1, 9, 9), ("cat", 0, 5, 5, 20, 20)]
    source = kzoo.data.open(f"voc:{voc({'train': {'a': objects}})}", "train")
    targets = take(training(source, 1, augment=False), 1)[0]["targets"]
    assert targets["valid"].tolist() == [[False, True]] and "crowd" not in targets
    batch = take(kzoo.data.batches(source, 1, SIZE, training=False), 1)[0]
    assert batch["targets"]["valid"].tolist() == [[False, True]]
    assert batch["targets"]["crowd"].tolist() == [[True, False]]
    assert kzoo.data.truths(batch)[0]["crowd"].tolist() == [True, False]


def test_one_example_fills_any_batch(voc):
    source = kzoo.data.open(f"voc:{voc({'train': {'a': []}})}", "train")
    assert take(training(source, 3), 2)[1]["index"].tolist() == [0, 0, 0]


def test_an_augmentation_of_ones_own(scenes):
    def white(row, seed):
        return {**row, "image": tf.fill([*SIZE, 3], 255.0)}

    batch = take(training(scenes, augment=white), 1)[0]
    assert np.all(batch["images"] == 255)


class Stack:
    """The first of three pictures, with the boxes of all."""

    partners = 2

    def __call__(self, row, seed, other):
        rows = [fitted(one, SIZE) for one in (row, other(0), other(1))]
        names = ("boxes", "labels", "crowd")
        boxes = {n: tf.concat([one[n] for one in rows], 0) for n in names}
        return {**rows[0], **boxes}


def gentle(row, seed):
    return fitted(row, SIZE)


def test_an_augmentation_with_partners(scenes):
    batch = take(training(scenes, 50, augment=Stack()), 1)[0]
    assert batch["targets"]["boxes"].shape == (50, 3 * scenes.most_boxes, 4)
    own = [len(example(scenes, i)["labels"]) for i in batch["index"]]
    with_partners = batch["targets"]["valid"].sum(1)
    others = with_partners - own
    assert others.min() >= 0 and len(set(others.tolist())) > 5
    assert_equal(batch, take(training(scenes, 50, augment=Stack()), 1)[0])


def test_partners_change_from_epoch_to_epoch(scenes):
    batches = take(training(scenes, 50, augment=Stack()), 2)
    rows = [np.argsort(batch["index"]) for batch in batches]
    first, second = (b["targets"]["boxes"][r] for b, r in zip(batches, rows))
    assert np.mean(np.any(first != second, axis=(1, 2))) > 0.9


@pytest.mark.parametrize("start, worker", [(1, (0, 1)), (0, (1, 2)), (2, (1, 2))])
def test_partners_are_the_same_for_whoever_asks(scenes, start, worker):
    augment = Closing(Stack(), gentle, step=3)
    whole = take(training(scenes, augment=augment), 5)[start:]
    part = training(scenes, augment=augment, start_step=start, worker=worker)
    if worker[1] == 2:
        whole = tf.nest.map_structure(lambda rows: rows[4:], whole)
    assert_equal(whole, take(part, 5 - start))


def test_the_last_steps_are_told_and_gentle(scenes):
    batches = take(training(scenes, augment=Closing(Stack(), gentle, step=3)), 5)
    closing = [batch["targets"].pop("closing") for batch in batches]
    assert [row.tolist() for row in closing] == [[0.0] * 8] * 3 + [[1.0] * 8] * 2
    assert closing[0].dtype == np.float32
    alone = take(training(scenes, augment=gentle, start_step=3), 2)
    for batch, one in zip(batches[3:], alone):
        for name, rows in one["targets"].items():
            given = batch["targets"][name]
            np.testing.assert_array_equal(given[:, : scenes.most_boxes], rows)
            assert not given[:, scenes.most_boxes :].any()
    spec = training(scenes, augment=Stack()).element_spec
    assert "closing" not in spec["targets"]


def test_with_less_room_the_largest_boxes_stay(scenes):
    few, all_ = (
        take(training(scenes, 8, augment=Stack(), max_boxes=most), 1)[0]["targets"]
        for most in (scenes.most_boxes, None)
    )
    area = lambda boxes: np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for row in range(8):
        left = few["boxes"][row][few["valid"][row]]
        given = all_["boxes"][row][all_["valid"][row]]
        largest = np.sort(area(given))[::-1][: scenes.most_boxes]
        np.testing.assert_array_equal(np.sort(area(left))[::-1], largest)
    assert few["valid"].sum() < all_["valid"].sum()


def test_without_augmentation_it_is_the_letterbox(scenes):
    batch = take(training(scenes, augment=False), 1)[0]
    image, _ = letterbox(example(scenes, batch["index"][0])["image"], *SIZE)
    np.testing.assert_allclose(batch["images"][0], image, atol=0.5)


def test_classification(tmp_path):
    for name in ("cat", "dog", "eel"):
        painted(tmp_path / "train" / name / "a.png")
    source = kzoo.data.open(f"folder:{tmp_path}", "train", task="classification")
    batch = take(training(source, 3), 1)[0]
    assert batch["targets"].dtype == np.int32
    assert batch["targets"].tolist() == batch["index"].tolist()
    rows = take(kzoo.data.batches(source, 4, 32, training=False), 1)[0]
    assert rows["targets"].tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"max_boxes": 1}, "max_boxes is 1, but a picture of scenes train has"),
        (
            {"worker": (0, 3)},
            "batch_size 8 cannot be shared out to 3 workers; it can be 6",
        ),
        ({"worker": (2, 2)}, r"worker is \(2, 2\); \(w, W\) needs 0 <= w < W"),
    ],
)
def test_wrong_settings_are_told(scenes, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        training(scenes, **settings)


def test_a_picture_that_breaks_while_training_is_named(yolo):
    folder = yolo({"train": {"a": ""}})
    source = kzoo.data.open(f"yolo:{folder}", "train")
    write(folder / "images" / "train" / "a.png", "gone")
    with pytest.raises(tf.errors.InvalidArgumentError, match="picture.*train/a.png"):
        take(training(source, 1), 1)


def test_load_serves_fit():
    train = kzoo.data.load("scenes", "train", 8, 32, training=True, examples=50)
    val = kzoo.data.load("scenes", "validation", 8, 32, examples=20)
    assert train.class_names == ["circle", "square", "triangle", "star"]
    assert (train.cardinality(), val.cardinality()) == (6, 3)
    assert sum(len(images) for images, _ in val) == 20
    images = keras.Input((32, 32, 3))
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
    model.compile("sgd", lambda y, x: keras.ops.mean(x, -1))
    count = lambda images, targets: (images, targets["valid"])
    history = model.fit(
        train.map(count), epochs=2, validation_data=val.map(count), verbose=0
    )
    assert np.isfinite(history.history["val_loss"]).all()


def test_each_pass_of_load_is_another_epoch():
    dataset = kzoo.data.load("scenes", "train", 10, 32, training=True, examples=50)
    first, second = (np.concatenate([x for x, _ in dataset]) for _ in range(2))
    assert first.shape == (50, 32, 32, 3) and np.any(first != second)
