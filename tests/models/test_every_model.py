"""What is true of every model: size, gradients, initial values, saving, pixels.

Sizes are those of the builders' defaults; the rest is shown on small versions, which
are the same code.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kzoo
from kzoo import models
from kzoo.models.counting import multiply_adds, parameters
from tests.models.small import NO_FEATURES, OTHER_ROWS, SMALL, build_small

# One of each family is enough for a quick look; the others are the same code.
QUICK = (
    "fcos",
    "highway",
    "lenet5",
    "mobilenet_v2",
    "nearest_neighbour",
    "resnet50",
    "retinanet",
    "retinanet_v2",
)
# Where the publisher counted, if not at the builder's default.
COUNTED_AT = {
    "fcos_torchvision": (800, 800, 3),
    "retinanet_torchvision": (800, 800, 3),
    "retinanet_v2": (800, 800, 3),
}


CASES = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name in models.names()
]


@pytest.fixture(
    scope="module", params=[c for c in CASES if c.values[0] not in OTHER_ROWS]
)
def model(request):
    keras.utils.set_random_seed(0)
    return build_small(request.param)


def pictures(model):
    shape = (2, *model.input_shape[1:])
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def flat(outputs):
    return [keras.ops.convert_to_numpy(x) for x in tf.nest.flatten(outputs)]


def assert_equal(first, second):
    for a, b in zip(flat(first), flat(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_model_is_here():
    assert set(SMALL) == set(models.names()) >= OTHER_ROWS


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("name", CASES)
def test_size_and_multiply_adds_are_the_published_ones(name):
    card = models.card(name)
    shape = {"input_shape": COUNTED_AT[name]} if name in COUNTED_AT else {}
    model = models.build(name, **shape)
    assert parameters(model) == card.parameters
    if card.multiply_adds:
        # Publishers round, and some count biases or poolings.
        assert multiply_adds(model) == pytest.approx(card.multiply_adds, rel=0.01)


def test_every_weight_has_a_gradient(model):
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(model(pictures(model), training=True))
        loss = sum(tf.reduce_mean(tf.square(x)) for x in outputs)
    weights = model.trainable_weights
    gradients = tape.gradient(loss, [w.value for w in weights])
    for weight, gradient in zip(weights, gradients):
        assert gradient is not None and np.any(gradient != 0), weight.path
        assert np.all(np.isfinite(gradient)), weight.path


def test_no_two_kernels_start_equal(model):
    """Layers that share one initializer object do, in Keras 3."""
    kernels = [w.numpy() for w in model.trainable_weights if w.name == "kernel"]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)


def test_weights_are_named_by_layer(model):
    """Converters, freezing and `kzoo.weights` address them so."""
    paths = [w.path for w in model.weights]
    assert len(set(paths)) == len(paths)
    assert all(path.count("/") == 1 for path in paths)


def test_raw_outputs_are_float32(model):
    assert {str(x.dtype) for x in flat(model(pictures(model)))} == {"float32"}


def test_saving_keeps_the_outputs_to_the_bit(model, tmp_path):
    kzoo.save(model, tmp_path / "folder")
    model.save(tmp_path / "file.keras")
    expected = model(pictures(model), training=False)
    assert_equal(
        kzoo.load(tmp_path / "folder")(pictures(model), training=False), expected
    )
    loaded = keras.saving.load_model(tmp_path / "file.keras")
    assert_equal(loaded(pictures(model), training=False), expected)
    assert loaded.spec == model.spec


def test_uint8_and_float_pictures_are_the_same(model):
    assert_equal(model(pictures(model)), model(pictures(model).astype("float32")))


def test_looking_at_pictures_changes_nothing(model):
    """Calling a model is inference: batch norms keep their statistics."""
    before = [w.numpy() for w in model.weights]
    first, second = model(pictures(model)), model(pictures(model), training=False)
    assert_equal(first, second)
    for weight, value in zip(model.weights, before):
        np.testing.assert_array_equal(weight.numpy(), value, err_msg=weight.path)


def test_a_picture_does_not_depend_on_its_neighbours(model):
    both, one = model(pictures(model)), model(pictures(model)[:1])
    for a, b in zip(flat(both), flat(one), strict=True):
        np.testing.assert_allclose(a[:1], b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def test_mixed_precision_gives_float32_outputs(model):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = build_small(model.spec.builder)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    for a, b in zip(
        flat(half(pictures(model))), flat(model(pictures(model))), strict=True
    ):
        assert a.dtype == np.float32
        # bfloat16 has 8 bits: an error of 2**-8 a layer, over many layers.
        assert np.abs(a - b).max() < 0.1 * np.abs(b).max() + 0.1


def test_behind_the_backbone_is_what_loading_takes_for_a_head(model):
    """kzoo.weights tells a head by the names of its layers."""
    from kzoo.weights.loading import _BEHIND_BACKBONE

    spec = model.spec
    if spec.builder in NO_FEATURES:
        with pytest.raises(ValueError, match=f"{spec.builder} has no features"):
            build_small(spec.builder, classes=None)
        return
    if "backbone" in spec.arguments:
        features = models.build(spec.arguments["backbone"], classes=None)
    else:
        features = models.build(spec.builder, **spec.arguments | {"classes": None})
    before = [w.path for w in model.weights if not _BEHIND_BACKBONE.match(w.path)]
    # SSD makes convolutions of the layers behind VGG's features.
    before = [path for path in before if not path.startswith(("fc6_conv", "fc7_conv"))]
    assert before == [w.path for w in features.weights]
