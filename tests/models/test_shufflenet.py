"""ShuffleNet v1 and v2: sizes at all published widths and groups, and the units."""

import keras
import pytest

from kzoo import models
from kzoo.models.classification.shufflenet_v1 import channels
from kzoo.models.counting import multiply_adds, parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    "width, size, cost",
    [
        # torchvision's; table 5 has 41, 299 and 591 million.
        (0.5, 1_366_792, 0.040e9),
        (1.5, 3_503_624, 0.296e9),
        (2.0, 7_393_996, 0.583e9),
    ],
)
def test_v2_at_other_widths_is_as_large_as_published(width, size, cost):
    model = models.shufflenet_v2(width=width)
    assert parameters(model) == size
    # torchvision rounds to a million.
    assert multiply_adds(model) == pytest.approx(cost, rel=0.01, abs=1e6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "groups, width, size, cost",
    [
        # The authors' code, counted.
        (3, 0.5, 717_324, 0.0376e9),
        (8, 1.0, 2_433_768, 0.1384e9),
        (3, 1.5, 3_441_168, 0.2924e9),
        (3, 2.0, 5_449_776, 0.5240e9),
    ],
)
def test_v1_at_other_widths_is_as_large_as_published(groups, width, size, cost):
    model = models.shufflenet_v1(groups=groups, width=width)
    assert parameters(model) == size
    assert multiply_adds(model) == pytest.approx(cost, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "groups, cost", [(1, 143), (2, 140), (3, 137), (4, 133), (8, 137)]
)
def test_v1_costs_what_table_1_says(groups, cost):
    """Its last row, in millions, to the digit where the last layer is left out."""
    model = models.shufflenet_v1(groups=groups, classes=None)
    assert round(multiply_adds(model) / 1e6) == cost


def small_v1(**arguments):
    shape = (32, 32, 3)
    return models.shufflenet_v1(classes=None, input_shape=shape, **arguments)


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_groups_divide_the_channels_of_v1_at_any_width(groups, width):
    """Table 2 has all groups at 1, 0.5 and 0.25."""
    stem, *stages = channels(groups, width)
    published = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}[groups] * width
    assert 0 <= stages[0] - published < 4 * groups
    assert stages[2] == 2 * stages[1] == 4 * stages[0]
    assert not any(n % groups for n in (stem, *stages, *(n // 4 for n in stages)))


def test_the_first_convolution_of_v1_is_as_wide_as_the_authors():
    assert [channels(3, width)[0] for width in (0.5, 1, 1.5, 2)] == [12, 24, 24, 48]
    assert [channels(8, width)[0] for width in (0.5, 1, 1.5, 2)] == [16, 24, 24, 48]


def test_v1_does_not_group_where_few_channels_come_in():
    """Section 3.2: not in the first 1x1 convolution of stage 2."""
    model = small_v1(groups=4, width=0.5)
    first = [f"stage{s}_block1_1_conv" for s in (2, 3, 4)]
    assert [model.get_layer(name).groups for name in first] == [1, 4, 4]
    assert model.get_layer("stage2_block1_3_conv").groups == 4


def test_v1_shuffles_between_the_grouped_convolutions_of_each_unit():
    def shuffles(groups):
        names = [layer.name for layer in small_v1(groups=groups, width=0.25).layers]
        return [name for name in names if name.endswith("shuffle")]

    assert len(shuffles(3)) == 4 + 8 + 4
    assert shuffles(1) == []


def test_depthwise_convolutions_have_no_activation_behind_them():
    for model in (small_v1(), models.shufflenet_v2(classes=2, input_shape=(32, 32, 3))):
        activated = {
            node.operation.name
            for layer in model.layers
            if isinstance(layer, keras.layers.Activation)
            for node in layer._inbound_nodes[0].parent_nodes
        }
        assert not any("depthwise" in name for name in activated)
        assert any(name.endswith("1_bn") for name in activated)


def test_v2_has_no_groups_but_the_two_halves():
    """Section 3.1, G2: many groups cost memory access."""
    model = models.shufflenet_v2(classes=2, input_shape=(32, 32, 3))
    convolutions = [x for x in model.layers if type(x) is keras.layers.Conv2D]
    assert {layer.groups for layer in convolutions} == {1}
    # Stem and head, two in each of 16 units, and the shortcut's where one strides.
    assert len(convolutions) == 2 + 2 * 16 + 3


@pytest.mark.parametrize(
    "call, message",
    [
        ("shufflenet_v1(groups=5)", "no ShuffleNet of 5 groups; there are 1, 2, 3"),
        ("shufflenet_v2(width=0.75)", "of width 0.75; there are 0.5, 1.0, 1.5, 2.0"),
    ],
)
def test_others_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        models.build(call)
