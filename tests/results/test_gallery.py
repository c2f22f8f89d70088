"""The page of figures against the analyses that there are."""

from alexcli.analysis.registry import ANALYSES
from tests.results.gallery import FIGURES, PAGE, page, picture_of

WITHOUT_FIGURE = {"params", "tables", "compare"}
SHOWN_ELSEWHERE = {"examples": "report", "selectivity": "filters"}
MOST_BYTES = 1_500_000


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_figure_has_a_picture_that_is_not_large() -> None:
    sizes = [picture_of(figure).stat().st_size for figure in FIGURES]
    assert min(sizes) > 1000
    assert sum(sizes) < MOST_BYTES
    assert len({picture_of(figure) for figure in FIGURES}) == len(FIGURES)


def test_every_analysis_that_draws_is_there() -> None:
    words = [figure.command.split() for figure in FIGURES]
    analyses = {command[1] for command in words if command[0] == "analyze"}
    assert analyses == set(ANALYSES) - WITHOUT_FIGURE - set(SHOWN_ELSEWHERE)
    assert {command[0] for command in words} >= {"eval", "data", "report"}
