import os
from pathlib import Path

import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from alexcli.render.style import FONT, OTHER_FONTS, save, style


def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    """Warnings are errors in tests; a character that no font has becomes an empty box."""
    with style():
        figure = Figure()
        figure.suptitle("猫 \U00012000 \u0915\u0941\u0924\u094d\u0924\u093e $x")
    save(figure, Path("figure.png"))
    assert Path("figure.png").stat().st_size > 1000


def test_names_that_are_no_text_are_drawn_escaped() -> None:
    name = os.fsdecode(b"\xffcat\x1b[31m")
    with style():
        figure = Figure()
        axes = figure.subplots()
        axes.set_title(name)
        axes.set_xticks([0], [name])
        axes.plot([0, 1], [0, 1], label=name)
        axes.legend()
    save(figure, Path("figure.png"))
    escaped = r"\udcffcat\x1b[31m"
    legend = axes.get_legend()
    assert legend is not None
    assert axes.get_title() == escaped
    assert axes.get_xticklabels()[0].get_text() == escaped
    assert legend.get_texts()[0].get_text() == escaped


def test_lines_below_each_other_stay_so() -> None:
    with style():
        figure = Figure()
        axes = figure.subplots()
        axes.set_yticks([0], ["study: arm\nagrees"])
        axes.set_title("two\nlines")
    save(figure, Path("figure.png"))
    assert axes.get_yticklabels()[0].get_text() == "study: arm\nagrees"
    assert axes.get_title() == "two\nlines"


def test_fonts_of_other_scripts_follow_where_they_are_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(font_manager, "get_font_names", lambda: ["Another", OTHER_FONTS[1], FONT])
    with style():
        assert Figure().suptitle("title").get_fontfamily() == [FONT, OTHER_FONTS[1]]


def test_a_format_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="gi"):
        save(Figure(), Path("figure.gi"))
    with pytest.raises(ValueError, match="without an ending"):
        save(Figure(), Path("figure"))
