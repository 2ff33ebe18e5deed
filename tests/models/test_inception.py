"""The Inceptions' auxiliary heads, and what is easily got wrong in these networks."""

import keras
import numpy as np
import pytest

import kzoo
from kzoo import deploy, models, weights
from tests.golden import draw
from tests.golden.reference import FOLDER, about

AUXILIARY = sorted((FOLDER.parent / "auxiliary").glob("*.npz"))
# Large enough for 5x5 means of what is left at a stride of 16.
SIDE = 96


@pytest.fixture(scope="module")
def googlenet():
    """A small one that has learnt eight pictures of two classes for a few steps."""
    keras.utils.set_random_seed(0)
    model = models.googlenet_torchvision(
        classes=2, input_shape=(SIDE, SIDE, 3), width=0.125, auxiliary=True
    )
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(*examples(), batch_size=8, epochs=8, verbose=0)
    return model, history.history["loss"]


def examples():
    """Dark pictures are of class 0, bright ones of class 1."""
    labels = np.arange(8) % 2
    noise = draw.pictures(8, SIDE, SIDE) // 2
    return (noise + 120 * labels[:, None, None, None]).astype("uint8"), labels


@pytest.mark.slow
@pytest.mark.parametrize("path", AUXILIARY, ids=lambda path: path.stem)
def test_auxiliary_heads_are_the_references(path):
    facts = about(path)
    drawn = draw.weights(facts["shapes"])
    shape = (*facts["size"], 3)
    model = models.build(path.stem, auxiliary=True, input_shape=shape)
    report = weights.load(model, drawn)
    assert not report.skipped and not report.kept
    outputs = model(draw.pictures(1, *facts["size"]), training=False)
    with np.load(path) as golden:
        assert set(outputs) == set(golden.files) - {"about"}
        for head, logits in outputs.items():
            draw.assert_close(logits, golden[head])


@pytest.mark.slow
def test_a_model_with_auxiliary_heads_learns(googlenet):
    _, losses = googlenet
    # At first all three answer at random: (1 + 0.3 + 0.3) * log(2) = 1.11.
    assert losses[0] == pytest.approx(1.6 * np.log(2), rel=0.5)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_all_heads_are_in_the_loss(googlenet):
    """Section 5 of the paper weights those of 4a and 4d with 0.3."""
    model, _ = googlenet
    pictures, labels = examples()
    losses = model.task.losses(model, pictures, labels, training=False)
    assert list(losses) == ["cross_entropy", "auxiliary1", "auxiliary2"]
    logits = model(pictures, training=False)["auxiliary2"]
    whole = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = 0.3 * float(whole(labels, logits))
    assert float(losses["auxiliary2"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_saving_keeps_the_auxiliary_heads(googlenet, tmp_path):
    model, _ = googlenet
    kzoo.save(model, tmp_path)
    pictures, _ = examples()
    expected = model(pictures, training=False)
    outputs = kzoo.load(tmp_path)(pictures, training=False)
    assert set(outputs) == {"logits", "auxiliary1", "auxiliary2"}
    for head in expected:
        np.testing.assert_array_equal(outputs[head], expected[head])


@pytest.mark.slow
def test_files_that_ship_have_results_alone(googlenet, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    model, _ = googlenet
    path = tmp_path / "model.tflite"
    deploy.tflite(model, path)
    runner = Interpreter(str(path)).get_signature_runner()
    assert set(runner.get_output_details()) == {"scores", "classes"}
    weights_of_heads = [w for w in model.weights if w.path.startswith("head_auxiliary")]
    rest = sum(4 * int(np.prod(w.shape)) for w in model.weights)
    rest -= sum(4 * int(np.prod(w.shape)) for w in weights_of_heads)
    # Their weights stay at home.
    assert path.stat().st_size < 1.3 * rest


def test_auxiliary_heads_are_where_the_papers_have_them():
    """GoogLeNet's on 4a and 4d, Inception v3's on the last 17x17 grid."""
    places = {
        "googlenet": ["inception4a", "inception4d"],
        "inception_v3": ["mixed6e"],
    }
    for name, modules in places.items():
        model = models.build(name, auxiliary=True, width=0.0625)
        for i, module in enumerate(modules, start=1):
            pool = model.get_layer(f"head_auxiliary{i}_pool")
            assert pool.input is model.get_layer(module).output
    # Of 299 pixels: all of the 5x5 means.
    assert model.get_layer("head_auxiliary1_2_conv").kernel_size == (5, 5)


def test_auxiliary_heads_of_googlenet_want_one_size():
    with pytest.raises(ValueError, match="one size"):
        models.googlenet(auxiliary=True, input_shape=(None, None, 3), width=0.125)


def test_a_features_model_has_no_auxiliary_heads():
    model = models.googlenet(classes=None, auxiliary=True, width=0.125)
    assert list(model.output) == ["C1", "C2", "C3", "C4", "C5"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, channels",
    [
        ("googlenet", [64, 192, 480, 832, 1024]),
        ("inception_v2", [64, 192, 320, 608, 1024]),
        ("inception_v3", [64, 192, 288, 768, 2048]),
        ("xception", [64, 128, 256, 728, 2048]),
    ],
)
def test_channels_of_the_levels_are_the_papers(name, channels):
    outputs = models.build(name, classes=None, input_shape=(107, 107, 3)).output
    assert [x.shape[-1] for x in outputs.values()] == channels


def test_bn_inception_takes_sides_that_caffes_does_not():
    """Where a strided module sees odd sides, Caffe's pooling rounds the other way."""
    model = models.inception_v2(classes=None, width=0.1, input_shape=(75, 97, 3))
    c3, c4 = model.output["C3"].shape, model.output["C4"].shape
    assert (c3[1:3], c4[1:3]) == ((9, 12), (5, 6))


def test_nothing_is_between_xceptions_depthwise_and_pointwise_convolutions():
    model = models.xception(classes=2, width=0.0625, input_shape=(71, 71, 3))
    separable = [x for x in model.layers if x.name.endswith("depthwise_conv")]
    assert len(separable) == 34  # figure 5: 2 * 3 + 8 * 3 + 2 + 2
    for layer in separable:
        after = layer._outbound_nodes[0].operation
        assert after.name == layer.name.replace("depthwise", "pointwise")
