import numpy as np
import pytest
from rich.console import Console

from alexcli.render import thumbnail


@pytest.fixture
def image() -> np.ndarray:
    """Red above blue."""
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[:32, :, 0] = 255
    pixels[32:, :, 2] = 255
    return pixels


def _console(**options: bool) -> Console:
    return Console(force_terminal=True, color_system="truecolor", width=110, **options)


def test_a_pipe_gets_nothing(image: np.ndarray) -> None:
    assert thumbnail.thumbnail(image) == ""


def test_a_terminal_without_colours_gets_nothing(
    image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnail, "Console", lambda: _console(no_color=True))
    assert thumbnail.thumbnail(image) == ""


def test_a_character_shows_two_pixels(image: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnail, "Console", _console)
    monkeypatch.setattr("rich.console.Console", _console)  # tables imports it when it needs it
    text = thumbnail.thumbnail(image)
    assert text.count("▀") == 32 * 16
    first, *_, last = text.splitlines()
    assert "38;2;255;0;0" in first
    assert "48;2;0;0;255" in last
