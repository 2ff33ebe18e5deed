"""FCOS: its rows, its first answers, and what it refuses."""

import keras
import numpy as np
import pytest

from kzoo import models

ALL = ["fcos", "fcos_original", "fcos_torchvision"]
# The same code as the first.
ONE = ["fcos", *(pytest.param(name, marks=pytest.mark.slow) for name in ALL[1:])]


def small(name="fcos", input_shape=(64, 64, 3), **arguments):
    arguments = {"backbone": "resnet18(width=0.125)", "filters": 32} | arguments
    return models.build(name, classes=3, input_shape=input_shape, **arguments)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize("size", [(100, 75), (1, 33)])
@pytest.mark.parametrize("name", ONE)
def test_there_is_a_row_for_each_point(name, size):
    model = small(name, (*size, 3))
    outputs = model(noise(2, *size, 3))
    rows = sum(-(-size[0] // s) * -(-size[1] // s) for s in (8, 16, 32, 64, 128))
    assert len(model.task.places(size)) == sum(model.task.counts(size)) == rows
    shapes = {name: x.shape for name, x in outputs.items()}
    assert shapes == {
        "logits": (2, rows, 3),
        "deltas": (2, rows, 4),
        "centerness": (2, rows, 1),
    }


@pytest.mark.parametrize("name", ONE)
def test_a_fresh_network_gives_every_class_a_hundredth(name):
    keras.utils.set_random_seed(1)
    model = small(name, (128, 128, 3), backbone="resnet18", filters=64)
    for training in (True, False):
        logits = model(noise(2, 128, 128, 3), training=training)["logits"]
        found = keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))
        assert 0.009 < found.mean() < 0.011


def test_p6_is_made_of_p5():
    model = small(input_shape=(256, 256, 3), filters=64)
    assert model.get_layer("P5").output.shape[1:] == (8, 8, 64)
    # Of the 64 channels of P5: C5 has 64 too, so ask where it comes from.
    assert model.get_layer("P6_pad").input is model.get_layer("P5").output


def names(model, start):
    return sorted(x.name for x in model.layers if x.name.startswith(start))


def test_centerness_stands_beside_the_classes_and_improved_beside_the_boxes():
    """Table 3, "ctr. on reg."."""
    branches = {name: "deltas" for name in ALL} | {"fcos_original": "logits"}
    for name, branch in branches.items():
        model = small(name, depth=1)
        layer = model.get_layer("centerness_2")
        sources = [node.arguments.args[0] for node in layer._inbound_nodes]
        tower = model.get_layer(f"{branch}_1_act")
        outputs = [node.outputs[0] for node in tower._inbound_nodes]
        assert [x is y for x, y in zip(sources, outputs, strict=True)] == [True] * 5


def test_the_heads_are_shared_by_the_levels_but_for_a_scale():
    """Section 3.2."""
    model = small()
    for head in ("logits", "deltas"):
        assert [n for n in names(model, head) if n[7:].isdigit()] == [
            f"{head}_{i}" for i in range(1, 6)
        ]
    scales = [n for n in names(model, "deltas") if n.endswith("scale")]
    assert scales == [f"deltas_P{k}_scale" for k in range(3, 8)]
    assert {float(model.get_layer(n).scale[0]) for n in scales} == {1.0}
    assert not [n for n in names(small("fcos_torchvision"), "deltas") if "scale" in n]


def test_a_scale_is_of_its_level_alone():
    model = small(input_shape=(128, 128, 3), depth=0)
    before = keras.ops.convert_to_numpy(model(noise(1, 128, 128, 3))["deltas"])
    model.get_layer("deltas_P4_scale").scale.assign([3.0])
    after = keras.ops.convert_to_numpy(model(noise(1, 128, 128, 3))["deltas"])
    factor = np.ones((341, 1))
    factor[256:320] = 3
    np.testing.assert_allclose(after[0], before[0] * factor, rtol=1e-5)


def test_small_pictures_may_have_small_ranges():
    model = small(reach=2.5)
    ends = np.unique(model.task.points.ranges(64, 64))
    np.testing.assert_array_equal(ends, [0, 20, 40, 80, 160, np.inf])
    again = models.build(model.spec.builder, **model.spec.arguments)
    assert again.task.points == model.task.points


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"depth": -1}, "depth is -1"),
        ({"reach": 0.0}, "reach is 0.0"),
        ({"filters": 48}, "48"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        small(**arguments)
