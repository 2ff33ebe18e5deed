"""README and the page of models say what the code says."""

import pathlib

from docs.make_table import PAGE, page
from kzoo import models

ROOT = pathlib.Path(__file__).parents[1]


def test_the_page_of_models_is_the_registry():
    assert PAGE.read_text() == page(), "renew it with: python -m docs.make_table"


def test_readme_names_every_paper():
    """By the first author, in its list of what there is."""
    text = (ROOT / "README.md").read_text()
    venues = {models.card(name).paper.venue for name in models.names()}
    assert [venue for venue in sorted(venues) if venue not in text] == []


def test_every_page_and_picture_that_readme_links_to_exists():
    text = (ROOT / "README.md").read_text()
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link
