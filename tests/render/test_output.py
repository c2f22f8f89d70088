import json
import os
from pathlib import Path

import numpy as np
import pytest

from alexcli.records.analysis import Analysis, BoxesPanel, Line, LinesPanel, PredictionsPanel
from alexcli.records.prediction import ClassProbability, ImagePrediction
from alexcli.render.output import as_text, files_of, left_out, write
from alexcli.render.tables import Format
from alexcli.tables import Table


@pytest.fixture
def analysis() -> Analysis:
    lines = {
        "a band": Line(np.array([1, 2]), np.array([0.5, 0.25]), low=[0.5, 0.2], high=[0.5, 0.3]),
        "a line": Line(["conv1", "conv2"], [1.0, 2.0]),
    }
    tables = [
        Table.from_records("first", [{"n": 1}]),
        Table.from_records("second", [{"m": 2}]),
        Table.from_records("long", [{"n": 3}], files_only=True),
    ]
    panel = LinesPanel(lines, "across", "upwards")
    return Analysis("title", tables, [panel], caption="caption")


def test_json_holds_tables_by_rows_and_curves_by_points(analysis: Analysis) -> None:
    data = json.loads(as_text(analysis, Format.json))
    assert (data["title"], data["caption"]) == ("title", "caption")
    assert data["tables"] == [[{"n": 1}], [{"m": 2}], [{"n": 3}]]
    assert data["curves"] == {
        "a band": {"x": [1, 2], "y": [0.5, 0.25], "low": [0.5, 0.2], "high": [0.5, 0.3]},
        "a line": {"x": ["conv1", "conv2"], "y": [1.0, 2.0]},
    }


def test_json_holds_the_promised_data_where_there_is_one(analysis: Analysis) -> None:
    analysis.data = {"promised": 1}
    assert json.loads(as_text(analysis, Format.json)) == {"promised": 1}


def test_stdout_leaves_out_what_is_for_files_only(analysis: Analysis) -> None:
    shown = as_text(analysis, Format.md)
    assert "| n |" in shown
    assert "| m |" in shown
    assert "3" not in shown


def test_csv_on_stdout_is_one_table_and_the_others_are_named(analysis: Analysis) -> None:
    assert as_text(analysis, Format.csv) == "n\n1\n"
    assert left_out(analysis, Format.csv) == ["second"]
    assert left_out(analysis, Format.md) == []


def test_tables_of_one_form_are_one_csv_with_their_titles_and_exact_numbers() -> None:
    exact = Table.from_records("b", [{"error": 0.123456}])
    tables = [
        Table.from_records("a", [{"error": 0.5}]),
        Table.from_records("b", [{"error": "12.35%"}], exact=exact),
    ]
    analysis = Analysis("", tables)
    assert as_text(analysis, Format.csv) == "table,error\na,0.5\nb,0.123456\n"
    assert left_out(analysis, Format.csv) == []


def test_markdown_and_latex_name_each_table(analysis: Analysis) -> None:
    analysis.tables[0].title = "memory, 10^6 bytes, of a_b"
    analysis.tables[0].note = "n: number"
    shown = as_text(analysis, Format.md)
    assert shown.startswith(r"**memory, 10^6 bytes, of a\_b**" + "\n\n| n |")
    assert "\n**second**\n\n| m |" in shown
    latex = as_text(analysis, Format.latex)
    assert latex.startswith("% memory, 10^6 bytes, of a_b\n% n: number\n\\begin{tabular}")
    assert "% second\n\\begin{tabular}" in latex


def test_predictions_are_bars_in_a_terminal_and_a_table_elsewhere() -> None:
    image = ImagePrediction("cat.jpg", [ClassProbability("n1", "tabby", 0.75)], None, None)
    table = Table.from_records("predictions", [{"file": "cat.jpg", "class": "tabby"}])
    analysis = Analysis("", [table], [PredictionsPanel([image])])
    assert "75.00%" in as_text(analysis, Format.table)
    assert as_text(analysis, Format.csv) == "file,class\ncat.jpg,tabby\n"


def test_out_names_a_csv_for_each_table_and_an_svg_of_a_diagram(analysis: Analysis) -> None:
    names = [path.name for path in files_of(analysis, Path("out"), "x")]
    assert names == ["x.json", "x.csv", "x-2.csv", "x-3.csv", "x.png"]
    analysis.panels = [BoxesPanel(1, 1, 0.35, [], [], [])]
    assert files_of(analysis, Path("out"), "x")[-1] == Path("out/x.svg")
    analysis.panels = []
    assert files_of(analysis, Path("out"), "x")[-1].suffix == ".csv"


def test_files_hold_what_their_suffixes_say(analysis: Analysis) -> None:
    analysis.arrays = {"labels": np.arange(3)}
    names = ["x.json", "x.csv", "x-2.csv", "x.npz", "x.png"]
    paths = [Path("new/folder") / name for name in names]
    write(analysis, paths)
    data, first, second, arrays, figure = paths
    assert data.read_text() == as_text(analysis, Format.json)
    assert (first.read_text(), second.read_text()) == ("n\n1\n", "m\n2\n")
    assert np.load(arrays)["labels"].tolist() == [0, 1, 2]
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["figure.docx", "figure"])
def test_a_suffix_that_is_no_image_format_is_refused(analysis: Analysis, name: str) -> None:
    with pytest.raises(ValueError, match="is not supported"):
        write(analysis, [Path(name)])


@pytest.mark.parametrize("name", ["x.json", "x.csv", "x.npz", "x.png"])
def test_what_stops_in_the_middle_leaves_the_earlier_file(
    name: str, analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("out") / name
    path.parent.mkdir()
    path.write_text("earlier")

    def stop(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write(analysis, [path])
    assert [file.name for file in path.parent.iterdir()] == [name]
    assert path.read_text() == "earlier"
