"""README says what the code says."""

import pathlib

from docs.make_table import table

ROOT = pathlib.Path(__file__).parents[1]


def test_the_table_is_the_registry():
    message = "renew it with: python -m docs.make_table"
    assert table() in (ROOT / "README.md").read_text(), message


def test_every_page_and_picture_that_readme_links_to_exists():
    text = (ROOT / "README.md").read_text()
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link
