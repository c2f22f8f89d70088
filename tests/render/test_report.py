import re
from pathlib import Path

import pytest

from alexcli.ablation.plan import Ablation
from alexcli.ablation.results import study_results
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis, Line, LinesPanel
from alexcli.render.report import write_report
from alexcli.render.studies import study_table
from alexcli.reporter import NullReporter
from alexcli.run.report import runs_report, study_report
from alexcli.tables import Table
from tests.ablation.finished import finish
from tests.conftest import SMALL


def test_a_report_is_one_file_without_addresses() -> None:
    ablation = Ablation(["lrn"], list(SMALL), 2)
    jobs = ablation.jobs()
    for job in jobs:
        finish(job, 0.1 if job.name.endswith("baseline") else 0.2)
    (study,) = study_results(ablation, NullReporter())
    sections = {
        "lrn": study_report(study, ablation.command("lrn")),
        "runs": runs_report([job.run for job in jobs[:2]], NullReporter()),
    }
    sections["lrn"].tables.insert(0, study_table(study))
    files = write_report(sections, Path("report.html"))
    assert [path.name for path in files] == [
        "report.html",
        "report-lrn.png",
        "report-lrn.svg",
        "report-runs.png",
        "report-runs.svg",
    ]
    page = Path("report.html").read_text()
    assert "+10.00" in page
    assert "model.norm" in page
    assert page.count("<svg") == 2
    for loading in ('src="http', 'href="http', "@import", "<script"):
        assert loading not in page


def _section(title: str) -> Analysis:
    table = Table.from_records("a table", [{"name": "<b>", "n": 1234}], "a note")
    return Analysis(title, [table], [LinesPanel({"line": Line([1], [1])}, "x", "y")])


def test_cells_are_escaped_and_numbers_aligned() -> None:
    write_report({"one": _section("A & B")}, Path("report.html"))
    page = Path("report.html").read_text()
    assert "<h1>A &amp; B</h1>" in page
    assert "<td>&lt;b&gt;</td>" in page
    assert '<td class="number">1,234</td>' in page
    assert "a note" in page


def test_every_panel_is_a_figure_that_a_phone_shows_as_wide_as_its_text_needs() -> None:
    section = _section("title")
    section.panels.append(LinesPanel({"line": Line([1], [1])}, "x", "y", title="another"))
    section.caption = "below them"
    write_report({"one": section}, Path("report.html"))
    page = Path("report.html").read_text()
    assert page.count("<svg") == 2
    assert re.findall(r'aria-label="(\w+)" style="width: (\d+)px"', page) == [
        ("title", "487"),
        ("another", "487"),
    ]
    assert page.count("min-width: 326px") == 2  # of 328 pixels beside the margins of a phone
    assert '<p class="note">below them</p>' in page


def test_what_scrolls_on_a_screen_is_whole_in_print() -> None:
    write_report({"one": _section("title")}, Path("report.html"))
    screen, _, paper = Path("report.html").read_text().partition("@media print")
    scrolling = re.findall(r"^ +([.a-z]+) \{[^}]*overflow-x: auto", screen, re.MULTILINE)
    assert scrolling == [".wide", "figure", "pre"]
    assert ".wide, figure { overflow: visible; }" in paper
    assert "pre { white-space: pre-wrap; }" in paper


def test_a_place_that_cannot_be_written_is_named() -> None:
    Path("file").write_text("not a folder")
    with pytest.raises(UsageError, match=r"--out file/report\.html cannot be written"):
        write_report({"one": _section("title")}, Path("file/report.html"))
