"""README and the page of models say what the code says."""

import pathlib

from docs import make_table

ROOT = pathlib.Path(__file__).parents[1]


RENEW = "renew it with: python -m docs.make_table"


def test_the_page_of_models_is_the_registry():
    assert make_table.PAGE.read_text() == make_table.page(), RENEW


def test_the_table_of_papers_is_the_registry():
    assert make_table.papers() in make_table.README.read_text(), RENEW


def test_every_page_and_picture_that_readme_links_to_exists():
    text = (ROOT / "README.md").read_text()
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link
