"""The site has every page; `nox -s docs` builds it and checks the links."""

import re

from tests.results.pages import ROOT


def test_every_page_has_a_place_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"docs/\S+\.md", navigation)) == pages
