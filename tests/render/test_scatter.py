from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex

from alexcli.records.analysis import Analysis, ScatterPanel
from alexcli.render.figures import draw_figure
from alexcli.render.style import COLOURS

CLASSES = ["cat", "dog", "cat", "$x^$"]


def _panel(*, thumbnails: bool = False, classes: list[str] = CLASSES) -> ScatterPanel:
    count = len(classes)
    images = np.zeros((count, 4, 4, 3), np.uint8) if thumbnails else None
    return ScatterPanel(list(range(count)), [0.5] * count, classes, images)


def test_a_class_has_one_colour_and_one_entry_of_the_legend(tmp_path: Path) -> None:
    figure = draw_figure(Analysis("title", [], [_panel()]))
    figure.savefig(tmp_path / "figure.png")
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["$x^$", "cat", "dog"]
    assert [len(dots.get_offsets()) for dots in axis.collections] == [1, 2, 1]


def test_classes_differ_in_colours_for_all_eyes_or_in_their_markers() -> None:
    names = [f"class {number}" for number in range(20)]
    axis = draw_figure(Analysis("title", [], [_panel(classes=names)])).axes[0]
    looks = [
        (to_hex(dots.get_facecolor()[0]), dots.get_paths()[0].vertices.tobytes())
        for dots in axis.collections
    ]
    assert len(set(looks)) == 20
    assert {colour for colour, _ in looks} == set(COLOURS)


def test_many_classes_have_no_legend() -> None:
    figure = draw_figure(Analysis("title", [], [_panel(classes=[str(i) for i in range(30)])]))
    assert figure.axes[0].get_legend() is None


@pytest.mark.parametrize("thumbnails", [True, False])
def test_images_stand_at_their_points(thumbnails: bool) -> None:
    axis = draw_figure(Analysis("title", [], [_panel(thumbnails=thumbnails)])).axes[0]
    assert len(axis.images) == (4 if thumbnails else 0)
    for number, image in enumerate(axis.images):
        left, right, _, _ = image.get_extent()
        assert (left + right) / 2 == pytest.approx(number)
