"""Drawing a forest plot."""

from dataclasses import replace
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from alexcli.records.analysis import Analysis, ForestPanel, ForestRow, Line, LinesPanel
from alexcli.render.figures import draw_figure, draw_panel
from alexcli.render.forest import draw_forest
from alexcli.render.style import style

ROW = ForestRow(
    label="without",
    mean=1.2,
    low=0.8,
    high=1.6,
    values=[1.0, 1.4],
    claim=1.4,
    margin=0.7,
    verdict="agrees",
)


def _axis(panel: ForestPanel) -> object:
    axis = Figure().subplots()
    draw_forest(panel, axis)
    return axis


def test_each_kind_of_mark_is_named_once() -> None:
    axis = _axis(ForestPanel(rows=[ROW, ROW], x_label="points", zero=0.0))
    names = [text.get_text() for text in axis.get_legend().get_texts()]  # type: ignore[attr-defined]
    assert names == ["counts as none", "single seeds", "mean, 95% interval", "claimed"]


def _mixed(rows: int) -> Any:
    """A forest plot above curves, which are higher."""
    curves = LinesPanel({"line": Line([1], [1])}, "x", "y")
    return draw_figure(Analysis("", [], [_panel(rows), curves]))


def _panel(rows: int) -> ForestPanel:
    return ForestPanel(rows=[ROW] * rows, x_label="points", zero=0.0)


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("draw", [_mixed, lambda rows: draw_panel(_panel(rows))])
def test_names_stand_close_below_the_axis_and_in_the_figure(rows: int, draw: Any) -> None:
    figure = draw(rows)
    FigureCanvasAgg(figure).draw()
    axis = figure.axes[0]
    names = axis.get_legend().get_window_extent()
    below = (axis.xaxis.label.get_window_extent().y0 - names.y1) / figure.dpi
    assert -0.05 < below < 0.2, "inches"
    assert 0 <= names.y0 < names.y1 <= figure.bbox.y1


def test_only_seeds_means_and_claims_are_marks_and_a_claim_hides_no_mean() -> None:
    """Curves have marks in the style of all figures; intervals have none."""
    with style():
        axis = _axis(ForestPanel(rows=[ROW], x_label="points", zero=0.0))
    lines = {line.get_marker(): line for line in axis.get_lines()}  # type: ignore[attr-defined]
    assert set(lines) == {"D", "None", "o", "s"}
    assert lines["D"].get_markerfacecolor() == "none"


def test_a_median_stands_above_the_mean_that_a_few_seeds_dominate() -> None:
    row = replace(ROW, median=(0.5, 0.3, 0.9))
    axis = _axis(ForestPanel(rows=[row], x_label="points", zero=0.0))
    (median,) = [line for line in axis.get_lines() if line.get_label() == "median, 95% interval"]  # type: ignore[attr-defined]
    assert list(median.get_xdata()) == [0.5]
    assert median.get_ydata()[0] < 0, "above, since rows are numbered downwards"
    intervals = [list(line.get_xdata()) for line in axis.get_lines()]  # type: ignore[attr-defined]
    assert [0.3, 0.9] in intervals


@pytest.mark.parametrize(
    ("bound", "marker", "ends"), [("above", ">", [0.8, 1.2]), ("below", "<", [1.2, 1.6])]
)
def test_a_bound_is_open_to_where_the_difference_may_lie(
    bound: str, marker: str, ends: list[float]
) -> None:
    row = replace(ROW, bound=bound, values=[], claim=None, margin=None)
    lines = _axis(ForestPanel(rows=[row], x_label="times", zero=1.0)).get_lines()  # type: ignore[attr-defined]
    interval, mean, _no_difference = lines
    assert list(interval.get_xdata()) == ends
    assert mean.get_marker() == marker
    assert mean.get_label() == "bound of the mean, 95% interval"


def test_rows_are_named_with_their_verdicts_from_above() -> None:
    axis = _axis(ForestPanel(rows=[ROW], x_label="points", zero=0.0))
    labels = [label.get_text() for label in axis.get_yticklabels()]  # type: ignore[attr-defined]
    assert labels == ["without\nagrees"]
    low, high = axis.get_ylim()  # type: ignore[attr-defined]
    assert low > high


def test_ratios_are_on_a_logarithmic_axis() -> None:
    axis = _axis(ForestPanel(rows=[ROW], x_label="ratio", zero=1.0, log_x=True))
    assert axis.get_xscale() == "log"  # type: ignore[attr-defined]


def test_what_was_not_measured_is_not_drawn() -> None:
    empty = ForestRow("arm", None, None, None, [], None, None, "undecided")
    axis = _axis(ForestPanel(rows=[empty], x_label="points", zero=0.0))
    names = [text.get_text() for text in axis.get_legend().get_texts()]  # type: ignore[attr-defined]
    assert names == []


def test_an_axis_ends_at_its_limit_and_arrows_lead_beyond() -> None:
    wide = ForestRow("wide", 9.0, -19.0, 37.0, [], None, None, "undecided")
    axis: Any = _axis(ForestPanel(rows=[ROW, wide], x_label="points", zero=0.0, limit=12.0))
    assert axis.get_xlim() == (-12, 12)
    arrows = [line for line in axis.get_lines() if line.get_marker() in "<>"]
    assert [(line.get_marker(), *line.get_xdata(), *line.get_ydata()) for line in arrows] == [
        ("<", -12, 1),
        (">", 12, 1),
    ]


def test_plots_of_many_and_of_few_rows_stand_below_each_other_with_rows_alike() -> None:
    panels = [
        ForestPanel(rows=[ROW] * 9, x_label="points", zero=0.0),
        ForestPanel(rows=[ROW], x_label="ratio", zero=1.0, log_x=True),
    ]
    figure = draw_figure(Analysis("", [], list(panels)))
    FigureCanvasAgg(figure).draw()
    many, few = figure.axes
    high, low = many.get_window_extent(), few.get_window_extent()
    assert low.y1 < high.y0
    assert high.height / 9 == pytest.approx(low.height, rel=0.1)
    for axis in (many, few):
        legend = axis.get_legend()
        assert legend is not None
        assert legend.get_window_extent().y1 < axis.xaxis.label.get_window_extent().y0
        assert legend.get_window_extent().y0 >= 0
