import textwrap

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from alexcli.config.files import STUDIES, choices, describe
from alexcli.render.wrapping import wrap_title


@pytest.mark.parametrize("font_size", [8, 12])
def test_what_a_study_is_about_fits_into_the_width(font_size: int) -> None:
    figure = Figure(figsize=(5, 2))
    canvas = FigureCanvasAgg(figure)
    for study in choices(STUDIES):
        text = wrap_title(f"{study}: {describe(STUDIES, study)}", 4, font_size)
        label = figure.text(0, 0, text, fontsize=font_size)
        assert label.get_window_extent(canvas.get_renderer()).width < 4 * figure.dpi
        assert text.count("\n") <= len(text) * font_size / 72 / 4, "lines are not needlessly short"


def test_a_short_text_stays_as_it_is() -> None:
    assert wrap_title("title\ncaption", 3, 9) == "title\ncaption"
    assert wrap_title("", 3, 9) == ""


def test_a_long_word_is_broken() -> None:
    lines = wrap_title("a" * 200, 3, 9).split("\n")
    assert lines == textwrap.wrap("a" * 200, len(lines[0]))
