"""Builders are found by name, by people and by programs with flags."""

import pytest

import kzoo
from kzoo import models
from kzoo.models import registry


@pytest.mark.parametrize(
    "text, expected",
    [
        ("resnet50", ("resnet50", {})),
        (" resnet50 ", ("resnet50", {})),
        ("resnet50()", ("resnet50", {})),
        ("mobilenet_v2(width=0.35)", ("mobilenet_v2", {"width": 0.35})),
        (
            "retinanet(backbone='resnet18(width=0.5)', input_shape=(64, 96, 3))",
            (
                "retinanet",
                {"backbone": "resnet18(width=0.5)", "input_shape": (64, 96, 3)},
            ),
        ),
        (
            "m(a=None, b=[1, 2], c={'d': -1})",
            ("m", {"a": None, "b": [1, 2], "c": {"d": -1}}),
        ),
    ],
)
def test_parse(text, expected):
    assert registry.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resnet50(",
        "resnet50(0.5)",
        "resnet50(**{'a': 1})",
        "kzoo.models.resnet50",
        "kzoo.models.resnet50()",
        "a + b",
        "resnet50(width=open('file'))",
        "resnet50(width=__import__('os').system('false'))",
        "(lambda: 0)()",
        "resnet50; resnet18",
        "résnet 50",
        "3",
    ],
)
def test_parse_refuses_all_else_and_runs_nothing(text):
    with pytest.raises(ValueError, match="is no model; say a name or"):
        registry.parse(text)


def test_an_unknown_model_gets_the_choices():
    with pytest.raises(ValueError, match="no model 'resnet51'; kzoo has .*resnet50"):
        kzoo.build("resnet51")
    with pytest.raises(ValueError, match="no model 'resnet51'; kzoo has .*resnet50"):
        models.card("resnet51")
    with pytest.raises(ValueError, match="no model 'resnet51'"):
        models.retinanet(backbone="resnet51")


def test_an_unknown_argument_gets_the_choices():
    with pytest.raises(ValueError, match="no argument 'clases'; it has classes, input"):
        models.resnet18(clases=3)
    with pytest.raises(
        ValueError, match="retinanet has no argument 'width'; it has .*"
    ):
        kzoo.build("retinanet(width=0.5)")


def test_builders_take_keywords_only():
    with pytest.raises(TypeError):
        models.resnet18(10)


def test_names_by_task():
    assert "retinanet" in models.names(task="detection")
    assert "resnet18" not in models.names(task="detection")
    both = models.names(task="detection") + models.names(task="classification")
    assert sorted(both) == sorted(models.names())
    with pytest.raises(ValueError, match="no task 'cooking'; kzoo has classification"):
        models.names(task="cooking")


def test_every_name_is_a_public_function():
    for name in models.names():
        assert callable(getattr(models, name)) and name in models.__all__


def test_cards_tell_the_paper():
    card = models.card("retinanet")
    assert (card.paper.venue, card.paper.arxiv) == ("ICCV 2017", "1708.02002")
    for name in models.names():
        card = models.card(name)
        assert card.name == name and card.parameters is not None
        assert card.sources or card.score is None


def test_given_arguments_win_over_stated_ones():
    text = "mobilenet_v2(classes=4, width=0.25)"
    model = kzoo.build(text, classes=3, input_shape=(32, 32, 3))
    assert model.output_shape == (None, 3)
    assert model.spec == registry.Spec(
        "mobilenet_v2", {"classes": 3, "width": 0.25, "input_shape": [32, 32, 3]}
    )


def test_one_name_is_one_builder():
    with pytest.raises(ValueError, match="two builders are named 'resnet18'"):
        registry.register("classification", None)(models.resnet18)


def test_an_unknown_name_is_told_those_that_look_like_it():
    """Of more than a hundred, a line's worth."""
    with pytest.raises(ValueError) as error:
        registry.check_name("mobilenet_v4")
    assert "mobilenet_v3_large" in str(error.value)
    assert len(str(error.value)) < 300
    with pytest.raises(ValueError, match="detection model 'resnet18'; kzoo has ret"):
        registry.check_name("resnet18", "detection")
    with pytest.raises(ValueError, match="kzoo has .* and .* more"):
        registry.check_name("???")
    registry.check_name("resnet18")
