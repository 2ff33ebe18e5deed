"""YOLOX: its rows, its first answers, its parts, and what it refuses."""

import keras
import numpy as np
import pytest

from kzoo import models, weights
from tests.golden import draw

BACKBONE = "resnet18(width=0.125)"


def small(name="yolox_s", input_shape=(64, 64, 3), **arguments):
    arguments = {"classes": 3, "width": 0.125} | arguments
    return models.build(name, input_shape=input_shape, **arguments)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize("size", [(100, 75), (128, 160), (1, 33)])
@pytest.mark.parametrize("name", ["yolox_nano", "yolox_s"])
def test_there_is_a_row_for_each_cell(name, size):
    model = small(name, (*size, 3))
    outputs = model(noise(2, *size, 3))
    rows = sum(-(-size[0] // s) * -(-size[1] // s) for s in (8, 16, 32))
    assert {name: x.shape for name, x in outputs.items()} == {
        "logits": (2, rows, 3),
        "deltas": (2, rows, 4),
        "objectness": (2, rows, 1),
    }
    assert len(model.task.places(size)) == sum(model.task.counts(size)) == rows


def test_rows_go_by_level_row_and_column():
    """What a bright spot changes most is the row of its cell or of the next one."""
    keras.utils.set_random_seed(0)
    model = small(input_shape=(64, 96, 3), depth=0.0)
    dark = np.full((1, 64, 96, 3), 100, "uint8")
    spot = dark.copy()
    spot[0, 40:48, 72:80] = 255
    change = np.abs(model(spot)["logits"] - model(dark)["logits"]).sum(axis=-1)[0]
    places = model.task.places((64, 96))[change.argmax()]
    np.testing.assert_allclose(places, [72, 40, 80, 48], atol=8)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "yolox_s", "width": 0.5},
        {"name": "yolox_nano", "width": 0.25},
        {"backbone": "resnet18(width=0.5)"},
    ],
    ids=lambda arguments: " ".join(map(str, arguments.values())),
)
def test_a_fresh_network_gives_every_class_a_hundredth(arguments):
    keras.utils.set_random_seed(1)
    model = small(input_shape=(96, 96, 3), **arguments)
    for training in (True, False):
        outputs = model(noise(2, 96, 96, 3), training=training)
        for name in ("logits", "objectness"):
            found = keras.ops.convert_to_numpy(keras.ops.sigmoid(outputs[name]))
            assert 0.008 < found.mean() < 0.0125


def test_only_the_smallest_is_depthwise():
    """Its 3x3: 12 in the backbone, 6 in the pyramid, 4 in the head of each level."""
    kinds = {}
    for name in ("yolox_nano", "yolox_tiny"):
        layers = small(name).layers
        kinds[name] = {x.name for x in layers if "Depthwise" in type(x).__name__}
    assert len(kinds["yolox_nano"]) == 30 and not kinds["yolox_tiny"]


def test_batch_norms_are_the_authors():
    norms = [x for x in small().layers if x.name.endswith("_bn")]
    assert {(x.epsilon, x.momentum) for x in norms} == {(1e-3, 0.97)}


def test_pools_reach_5_9_and_13_positions():
    """Three pools of 5, one over the other: how far one bright position gets."""
    model = small(input_shape=(15 * 32, 15 * 32, 3))
    pools = [model.get_layer(f"stage5_spp_pool{size}") for size in (5, 9, 13)]
    x = np.full((1, 15, 15, 1), -1.0, "float32")
    x[0, 7, 7] = 1
    for pool, size in zip(pools, (5, 9, 13)):
        x = pool(x)
        reached = np.argwhere(np.asarray(x)[0, ..., 0] == 1)
        assert len(reached) == size**2
        assert np.ptp(reached, axis=0).tolist() == [size - 1, size - 1]


def test_without_classes_it_is_its_backbone():
    features = small("yolox_nano", classes=None, input_shape=(64, 96, 3))
    assert {k: v.shape[1:3] for k, v in features.output.items()} == {
        f"C{k}": (64 // 2**k, 96 // 2**k) for k in range(1, 6)
    }
    detector = models.retinanet(
        classes=2,
        backbone="yolox_nano(width=0.125)",
        input_shape=(64, 64, 3),
        filters=8,
    )
    assert detector.get_layer("preprocess").mode == "megvii"


def test_a_backbone_brings_its_own_pixels():
    model = small(backbone=BACKBONE)
    assert model.get_layer("preprocess").mode == "torch"
    again = models.build(model.spec.builder, **model.spec.arguments)
    assert [w.path for w in again.weights] == [w.path for w in model.weights]


def test_weights_of_a_detector_go_into_one_of_other_classes():
    """All but the logits of the new classes; a bare file must fit as a whole."""
    shapes = {w.path: tuple(w.shape) for w in small(classes=7).weights}
    model = small()
    report = weights.load_backbone(model, draw.weights(shapes))
    heads = ("P3", "P4", "P5", "head", "logits", "deltas", "objectness")
    assert report.kept and all(name.startswith(heads) for name in report.kept)
    assert not any(name.startswith(heads) for name in report.loaded)


def test_a_backbone_lacking_a_level_is_refused():
    images = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(4, 3, 8, name="eighth")(images)
    backbone = keras.Model(images, {"C3": x}, name="shallow")
    with pytest.raises(ValueError, match="shallow has no C4, C5; it has C3"):
        small(backbone=backbone)


def test_no_width_is_an_error():
    with pytest.raises(ValueError, match="width is 0.01"):
        small(width=0.01)
