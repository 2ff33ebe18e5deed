"""RetinaNet: its rows, its first answers, and what it refuses."""

import keras
import numpy as np
import pytest

from kzoo import models
from kzoo.ops.anchors import Anchors, anchor_shapes, retinanet_anchors

BACKBONE = "resnet18(width=0.125)"


def small(name="retinanet", input_shape=(64, 64, 3), **arguments):
    if name != "retinanet_torchvision":
        arguments = {"filters": 32} | arguments
    return models.build(
        name,
        **{"classes": 3, "backbone": BACKBONE} | arguments,
        input_shape=input_shape,
    )


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize("size", [(100, 75), (128, 160), (1, 33)])
@pytest.mark.parametrize(
    "name", [n for n in models.names("detection") if "retina" in n]
)
def test_there_is_a_row_for_each_anchor(name, size):
    model = small(name, (*size, 3))
    outputs = model(noise(2, *size, 3))
    rows = len(model.task.anchors(*size))
    assert outputs["logits"].shape == (2, rows, 3)
    assert outputs["deltas"].shape == (2, rows, 4)
    # Nine at each position of levels with strides 8 to 128.
    positions = [-(-size[0] // s) * -(-size[1] // s) for s in (8, 16, 32, 64, 128)]
    assert rows == 9 * sum(positions)


@pytest.mark.parametrize(
    "arguments",
    [
        {"backbone": "resnet18"},
        {"name": "retinanet_v2", "backbone": "resnet18", "filters": 64},
        {"backbone": "mobilenet_v2(width=0.25)"},
        {"backbone": "mobilenet_v2(width=0.25)", "filters": 64, "depth": 2},
    ],
    ids=lambda arguments: " ".join(map(str, arguments.values())),
)
def test_a_fresh_network_gives_every_class_a_hundredth(arguments):
    """Section 4.1: the prior that keeps the first steps from exploding."""
    model = fresh(arguments)
    for training in (True, False):
        assert 0.009 < probabilities(model, training).mean() < 0.011


@pytest.mark.slow
def test_a_fresh_network_on_resnet50_does_as_soon_as_it_trains():
    """Batch norms that have seen nothing let 16 residual sums grow until then."""
    found = probabilities(fresh({"backbone": "resnet50"}), training=True)
    assert 0.009 < found.mean() < 0.011


def fresh(arguments):
    keras.utils.set_random_seed(1)
    arguments = {"name": "retinanet", "classes": 3} | arguments
    return models.build(**arguments, input_shape=(128, 128, 3))


def probabilities(model, training):
    logits = model(noise(2, 128, 128, 3), training=training)["logits"]
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))


def test_the_pyramid_is_the_papers():
    """P6 is made of C5, P7 of P6, with 256 channels; torchvision's P6 of P5."""
    model = models.retinanet(classes=2, backbone=BACKBONE, input_shape=(256, 256, 3))
    shapes = {n: model.get_layer(n).output.shape[1:] for n in ("P3", "P4", "P5")}
    assert shapes == {"P3": (32, 32, 256), "P4": (16, 16, 256), "P5": (8, 8, 256)}
    assert model.get_layer("P6").kernel.shape == (3, 3, 64, 256)
    assert model.get_layer("P7").kernel.shape == (3, 3, 256, 256)
    other = small("retinanet_torchvision", (256, 256, 3))
    assert other.get_layer("P6").kernel.shape == (3, 3, 256, 256)


def test_the_heads_are_shared_by_the_levels_and_by_nothing_else():
    model = small()
    heads = [
        n for n in (x.name for x in model.layers) if n[:-1] in ("logits_", "deltas_")
    ]
    assert sorted(heads) == [
        f"{h}_{i}" for h in ("deltas", "logits") for i in range(1, 6)
    ]


def test_anchors_may_be_ones_own():
    strides = (8, 16, 32, 64, 128)
    anchors = Anchors(
        strides, tuple(anchor_shapes(3 * s, (1,), (1, 2)) for s in strides)
    )
    model = small(anchors=anchors)
    assert model.output["deltas"].shape[1] == 2 * (64 + 16 + 4 + 1 + 1)
    again = models.build(model.spec.builder, **model.spec.arguments)
    np.testing.assert_array_equal(again.task.anchors(64, 64), anchors(64, 64))


def test_anchors_that_do_not_fit_the_heads_are_refused():
    four = Anchors((8, 16, 32, 64), retinanet_anchors().shapes[:4])
    with pytest.raises(ValueError, match="5 levels"):
        small(anchors=four)
    shapes = retinanet_anchors().shapes
    uneven = Anchors((8, 16, 32, 64, 128), (*shapes[:4], shapes[4][:3]))
    with pytest.raises(ValueError, match="9, 9, 9, 9, 3"):
        small(anchors=uneven)


def test_a_classifier_is_no_backbone():
    with pytest.raises(ValueError, match="resnet18 gives no features.*classes=None"):
        small(backbone=models.resnet18(input_shape=(64, 64, 3), width=0.125))


def test_a_detector_is_no_backbone():
    with pytest.raises(ValueError, match="logits"):
        small(backbone=small())


def test_a_backbone_lacking_a_level_is_refused():
    images = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(4, 3, 8, name="eighth")(images)
    backbone = keras.Model(images, {"C3": x}, name="shallow")
    with pytest.raises(ValueError, match="shallow has no C4, C5; it has C3"):
        small(backbone=backbone)


def test_a_head_of_fewer_than_no_convolutions_is_an_error():
    with pytest.raises(ValueError, match="depth is -1"):
        models.retinanet(
            classes=2,
            backbone="resnet18(width=0.125)",
            input_shape=(64, 64, 3),
            depth=-1,
        )
