"""docs/weights.md says what the code has."""

from docs import make_weights
from kzoo import models, weights


def test_the_page_is_current():
    """Else: python -m docs.make_weights."""
    assert make_weights.PAGE.read_text().endswith(
        f"{make_weights.MARK}\n{make_weights.table()}"
    )


def test_pixels_are_those_of_the_first_layer():
    shape = (32, 32, 3)
    for name in ("mobilenet_v2", "resnet18", "resnet50_v1"):
        row = next(row for row in weights.table() if row.builder == name)
        model = models.build(name, width=0.25, input_shape=shape)
        assert make_weights.pixels(row) == model.get_layer("preprocess").mode


def test_each_set_is_in_the_table():
    table = make_weights.table()
    for row in weights.table():
        assert f"| `{row.name}`" in table
        assert make_weights.address(row.url) in table
