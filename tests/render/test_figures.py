from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from alexcli.config.files import STUDIES, choices, describe
from alexcli.records.analysis import (
    Analysis,
    Box,
    BoxesPanel,
    Label,
    Level,
    Line,
    LinesPanel,
    MatrixPanel,
    Panel,
    PredictionsPanel,
    TilesPanel,
)
from alexcli.records.prediction import ClassProbability, ImagePrediction
from alexcli.render.figures import draw_figure, draw_panel
from alexcli.render.style import HEADING, SMALL, TEXT, TITLE


def _axes(*panels: Panel) -> list[Any]:
    return list(draw_figure(Analysis("title", [], list(panels), caption="caption")).axes)


def test_curves_have_bands_a_level_and_the_scales_that_they_ask_for() -> None:
    lines = {"band": Line([1, 2], [3, 4], low=[2, 3], high=[4, 5]), "line": Line([1, 2], [1, 2])}
    level = Level(2.5, "threshold")
    (axis,) = _axes(LinesPanel(lines, "epochs", "error", log_y=True, level=level))
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epochs", "error")
    assert (axis.get_xscale(), axis.get_yscale()) == ("linear", "log")
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == ["band", "line", "threshold"]
    assert len(axis.collections) == 1, "the band"


def test_errors_are_percent_and_devices_plain_numbers() -> None:
    lines = {"a": Line([2, 4, 4096], [0.1, 0.5, 0.9])}
    (axis,) = _axes(LinesPanel(lines, "devices", "error", log_x=True, y_unit="percent"))
    assert [label.get_text() for label in axis.get_xticklabels()] == ["2", "4", "4,096"]
    assert axis.yaxis.get_major_formatter()(0.25, 0).startswith("25")
    (axis,) = _axes(LinesPanel(lines, "devices", "sent", y_unit="bytes"))
    assert axis.yaxis.get_major_formatter()(3e9, 0) == "3 GB"


@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize("name", ["short", "model.activation=relu optim.lr=0.01 data.size=36"])
def test_names_of_curves_hide_none_of_them_and_lie_in_the_figure(name: str, count: int) -> None:
    lines = {f"{name} {number}": Line([1], [1]) for number in range(count)}
    figure = draw_figure(Analysis("", [], [LinesPanel(lines, "x", "y")]))
    FigureCanvasAgg(figure).draw()
    (axis,) = figure.axes
    legend = axis.get_legend().get_window_extent()
    assert legend.y1 < axis.get_window_extent().y0
    assert 0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert axis.get_window_extent().height > 0.5 * figure.bbox.height - 12 * count


@pytest.mark.parametrize(("name", "count"), [("a", 3), ("a long name", 5), ("x" * 50, 2)])
def test_a_panel_in_a_page_is_narrow_and_nothing_of_it_is_cut(name: str, count: int) -> None:
    lines = {f"{name} {number}": Line([1], [1]) for number in range(count)}
    figure = draw_panel(LinesPanel(lines, "x", "y", title=LONG_TITLE))
    FigureCanvasAgg(figure).draw()
    assert figure.get_figwidth() < 6
    (axis,) = figure.axes
    for part in (axis.get_legend(), axis.title):
        extent = part.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
        assert 0 <= extent.y0 < extent.y1 <= figure.bbox.y1


def test_curves_differ_in_colour_and_in_their_marks() -> None:
    (axis,) = _axes(LinesPanel({str(n): Line([1], [n]) for n in range(8)}, "x", "y"))
    assert len({line.get_color() for line in axis.lines}) == 8
    assert len({line.get_marker() for line in axis.lines}) == 8


def test_epochs_are_marked_at_whole_numbers() -> None:
    (axis,) = _axes(LinesPanel({"a": Line([1, 2, 3], [1, 2, 3])}, "epochs", "error"))
    assert all(place.is_integer() for place in axis.get_xticks())
    (axis,) = _axes(LinesPanel({"a": Line([0.1, 0.2], [1, 2])}, "share", "error"))
    assert not all(place.is_integer() for place in axis.get_xticks())


def test_marks_of_a_logarithmic_axis_are_plain_text() -> None:
    """Text is never read as mathematics, so that a power of ten would be shown as its code."""
    bytes_panel = LinesPanel({"a": Line([2, 4], [2e7, 5e8])}, "x", "y", log_y=True, y_unit="bytes")
    plain_panel = LinesPanel({"a": Line([2, 4], [2e-3, 5])}, "x", "y", log_y=True)
    figure = draw_figure(Analysis("", [], [bytes_panel, plain_panel]))
    FigureCanvasAgg(figure).draw()
    marks = [[text.get_text() for text in axis.get_yticklabels()] for axis in figure.axes]
    assert {"20 MB", "50 MB", "100 MB"} <= set(marks[0])
    assert {"0.01", "0.5", "1"} <= set(marks[1])
    minor = [text.get_text() for axis in figure.axes for text in axis.get_yticklabels(minor=True)]
    assert not any(minor)


def test_a_logarithmic_axis_of_many_points_has_few_marks() -> None:
    rates = np.geomspace(1e-5, 1, 96)
    (axis,) = _axes(LinesPanel({"loss": Line(rates, rates)}, "rate", "loss", log_x=True))
    FigureCanvasAgg(axis.figure).draw()
    marks = {text.get_text() for text in axis.get_xticklabels()}
    assert {"0.00001", "0.001", "0.1"} <= marks
    assert len(marks) < 12
    assert not any(text.get_text() for text in axis.get_xticklabels(minor=True))
    (axis,) = _axes(LinesPanel({"loss": Line([2, 8], [1, 1])}, "devices", "bytes", log_x=True))
    assert [text.get_text() for text in axis.get_xticklabels()] == ["2", "8"]


def _sizes_of_type(figure: Any) -> set[float]:
    return {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}


def test_type_has_four_sizes() -> None:
    panels: list[Panel] = [
        LinesPanel({"a": Line([1, 2], [1, 2])}, "x", "y", title="curves"),
        TilesPanel(np.zeros((1, 30, 8, 8, 3), dtype=np.uint8), ["a"] * 30, title="tiles"),
        MatrixPanel(np.array([[3, 1], [0, 4]]), ["cat", "dog"], "prediction", "label"),
        BoxesPanel(4, 2, 0.35, [Box(0, 1, 1, 1, 1, 0)], [], [Label(0.5, 1, "conv1")]),
    ]
    figure = draw_figure(Analysis("title", [], panels, caption="caption"))
    FigureCanvasAgg(figure).draw()
    assert _sizes_of_type(figure) == {TITLE, HEADING, TEXT, SMALL}
    assert _sizes_of_type(_predictions("title", "caption")) <= {HEADING, TEXT}


def test_a_wrong_caption_is_marked_by_more_than_colour() -> None:
    tiles = np.zeros((1, 2, 16, 16, 3), dtype=np.uint8)
    (axis,) = _axes(TilesPanel(tiles, ["cat", "dog"], wrong=[False, True]))
    assert [text.get_text() for text in axis.texts] == ["cat", "\u2717 dog"]


def test_tiles_keep_their_pixels_and_are_set_apart_by_gaps() -> None:
    tiles = np.zeros((2, 3, 16, 16, 3), dtype=np.uint8)
    tiles[1, 2] = 200
    (axis,) = _axes(TilesPanel(tiles))
    sheet = axis.images[0].get_array()
    assert sheet.shape == (1 + 2 * 17, 1 + 3 * 17, 3)
    assert (sheet[1:17, 1:17] == 0).all()
    assert (sheet[18:34, 35:51] == 200).all()
    assert (sheet[0] == 225).all(), "grey, so that white tiles can be seen"


def test_captions_stand_above_their_tiles() -> None:
    tiles = np.zeros((2, 2, 16, 16, 3), dtype=np.uint8)
    captions = ["a", "b", "c"]
    (axis,) = _axes(TilesPanel(tiles, captions))
    assert [text.get_text() for text in axis.texts] == captions
    first, second, third = (text.get_position() for text in axis.texts)
    assert first[1] == second[1] < third[1]
    assert first[0] == third[0] < second[0]


def test_a_caption_of_two_lines_stays_below_the_title_and_above_its_tile() -> None:
    tiles = np.zeros((2, 2, 16, 16, 3), dtype=np.uint8)
    panel = TilesPanel(tiles, ["a\nb"] * 4, title="title", inches=1.6)
    figure = draw_figure(Analysis("", [], [panel]))
    FigureCanvasAgg(figure).draw()
    (axis,) = figure.axes
    title = axis.title.get_window_extent()
    captions = [text.get_window_extent() for text in axis.texts]
    assert captions[0].y1 <= title.y0
    rows_apart = captions[0].y0 - captions[2].y0
    sheet = axis.images[0].get_window_extent()
    tile = sheet.height * 16 / axis.images[0].get_array().shape[0]
    assert captions[2].height + tile <= rows_apart


def test_a_matrix_is_numbered_where_there_is_room() -> None:
    small = MatrixPanel(np.array([[3, 1], [0, 4]]), ["cat", "dog"], "prediction", "label")
    axis, _ = _axes(small)
    assert [text.get_text() for text in axis.texts] == ["3", "1", "4"]
    assert axis.images[0].get_array()[0].tolist() == [0.75, 0.25]
    large = MatrixPanel(np.eye(30, dtype=np.int64), [str(i) for i in range(30)], "", "")
    assert not _axes(large)[0].texts


def test_panels_stand_beside_each_other_as_far_as_they_fit() -> None:
    panel = LinesPanel({"line": Line([1], [1])}, "x", "y")
    figure = draw_figure(Analysis("title", [], [panel] * 3))
    rows = {axis.get_subplotspec().rowspan.start for axis in figure.axes}
    assert rows == {0, 1}
    assert not figure.axes[3].axison, "the fourth place is empty"
    assert figure.get_figwidth() == pytest.approx(12.4)


LONG_TITLE = max((f"{name}: {describe(STUDIES, name)}" for name in choices(STUDIES)), key=len)


@pytest.mark.parametrize("panels", [1, 2])
def test_long_titles_and_captions_lie_in_the_figure(panels: int) -> None:
    line = {"line": Line([1], [1])}
    panel = LinesPanel(line, "x", "y", title=LONG_TITLE)
    figure = draw_figure(Analysis(LONG_TITLE, [], [panel] * panels, caption=3 * LONG_TITLE))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.texts if text.get_text()]
    assert len(texts) == 2, "title and caption"
    for text in (*texts, *(axis.title for axis in figure.axes)):
        extent = text.get_window_extent(canvas.get_renderer())
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
        assert 0 <= extent.y0 < extent.y1 <= figure.bbox.y1
    short = draw_figure(Analysis("title", [], [panel] * panels, caption="caption"))
    assert figure.get_figheight() > short.get_figheight(), "panels keep their room"


def _predictions(title: str, caption: str) -> Any:
    """The figure of an image."""
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    image = ImagePrediction("a.png", [ClassProbability("n1", "tabby", 0.5)], None, None, pixels)
    return draw_figure(Analysis(title, [], [PredictionsPanel([image])], caption=caption))


def test_the_title_of_predictions_lies_above_them() -> None:
    figure = _predictions(LONG_TITLE, LONG_TITLE)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    head, body = figure.subfigs
    (title,) = head.texts
    extent = title.get_window_extent(canvas.get_renderer())
    assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
    assert body.bbox.y1 <= extent.y0 < extent.y1 <= figure.bbox.y1


def test_predictions_are_a_figure_of_their_own() -> None:
    figure = _predictions("title", "caption")
    assert figure.subfigs[0].get_suptitle() == "title\ncaption"
