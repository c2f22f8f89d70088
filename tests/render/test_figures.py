from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from alexcli.config.files import STUDIES, choices, describe
from alexcli.records.analysis import (
    Analysis,
    Arrow,
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
from alexcli.render.figures import draw_figure


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


def test_long_names_of_curves_stand_below_the_axis_where_they_hide_none() -> None:
    def box(name: str) -> Any:
        figure = draw_figure(Analysis("", [], [LinesPanel({name: Line([1], [1])}, "x", "y")]))
        FigureCanvasAgg(figure).draw()
        (axis,) = figure.axes
        return axis.get_legend().get_window_extent(), axis.get_window_extent()

    legend, axis = box("short")
    assert legend.y0 > axis.y0
    legend, axis = box("model.activation=relu optim.lr=0.01 data.size=36")
    assert legend.y1 < axis.y0


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


def test_a_matrix_is_numbered_where_there_is_room() -> None:
    small = MatrixPanel(np.array([[3, 1], [0, 4]]), ["cat", "dog"], "prediction", "label")
    axis, _ = _axes(small)
    assert [text.get_text() for text in axis.texts] == ["3", "1", "4"]
    assert axis.images[0].get_array()[0].tolist() == [0.75, 0.25]
    large = MatrixPanel(np.eye(30, dtype=np.int64), [str(i) for i in range(30)], "", "")
    assert not _axes(large)[0].texts


def test_a_deep_box_shows_three_faces_and_a_flat_one_its_front() -> None:
    boxes = [Box(0, 1, 1, 1, depth=1, tower=0), Box(2, 1, 1, 1, depth=0, tower=1)]
    arrows = [Arrow((1, 1), (2, 1), crosses=True)]
    panel = BoxesPanel(4, 2, 0.35, boxes, arrows, [Label(0.5, 1, "conv1")])
    (axis,) = _axes(panel)
    assert len(axis.patches) == 3 + 1
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["", "conv1"], "the arrow and the label"
    assert axis.get_xlim() == (0, 4)


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
