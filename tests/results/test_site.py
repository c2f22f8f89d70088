"""The site has every page; `nox -s docs` builds it and checks the links."""

import re
from pathlib import Path

import pytest

from alexcli.config.keys import SCHEMAS, find
from tests.results.pages import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SECTIONS = "augment|data|eval|logger|model|optim|placement|range_test|trainer|traffic"
KEY = re.compile(rf"`(?:[^`\n]* )?((?:{SECTIONS})(?:\.\w+)+)(?:=[^`\n]*)?`")
"""A key of a configuration in a code span, alone or as the last word, with a value or without."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_key_that_a_page_names_exists(page: Path) -> None:
    for key in KEY.findall(page.read_text(encoding="utf-8")):
        # Epochs of steps and names of links are not in the schema.
        name = re.sub(r"\.(steps|links)\.\w+$", r".\1", key)
        # A group of parameters and a layer are sections, which only their keys show.
        names = [name, f"{name}.pattern", f"{name}.kernel"]
        assert any(find(each, command) for each in names for command in SCHEMAS), key


def test_every_page_has_a_place_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"docs/\S+\.md", navigation)) == pages
