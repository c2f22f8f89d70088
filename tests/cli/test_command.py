import inspect
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from alexcli.cli.command import CommandDoc, command, group
from alexcli.errors import UsageError

Shared = Annotated[int, typer.Option(min=1, help="Always the same.")]


def draw_(
    context: typer.Context, images: list[Path], *, ten_crop: bool = False, count: Shared = 3
) -> None:
    """Draw images,
    one after another.

    Args:
        images (IMAGE...): Files, or
            folders of them.
        ten_crop: Draw ten views.

    Examples:
        alexcli draw cat.jpg
        alexcli draw DIR --ten-crop
    """
    typer.echo(f"{context.command.name} {[str(path) for path in images]} {ten_crop} {count}")


@pytest.fixture
def app() -> typer.Typer:
    """An app with the command `draw` and another one, so that the name is to be typed."""
    app = group("Things to draw with.", "alexcli draw")
    command(app)(draw_)

    def other() -> None:
        """Do nothing."""

    command(app)(other)
    return app


def test_a_docstring_has_three_parts() -> None:
    doc = CommandDoc.from_function(draw_)
    assert doc.about == "Draw images, one after another."
    assert doc.entries["images"] == ("IMAGE...", "Files, or folders of them.")
    assert doc.entries["ten_crop"] == (None, "Draw ten views.")
    assert doc.examples == ["alexcli draw cat.jpg", "alexcli draw DIR --ten-crop"]


def test_a_command_is_typed_with_dashes(app: typer.Typer) -> None:
    def draw_again() -> None:
        """Draw once more."""
        typer.echo("again")

    command(app)(draw_again)
    assert CliRunner().invoke(app, ["draw-again"]).stdout == "again\n"


def test_a_function_becomes_a_command_of_its_name(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["draw", "a.jpg", "b.jpg", "--ten-crop", "--count", "2"])
    assert result.stdout == "draw ['a.jpg', 'b.jpg'] True 2\n"
    result = CliRunner().invoke(app, ["draw", "a.jpg"])
    assert result.stdout == "draw ['a.jpg'] False 3\n"


def test_the_help_is_the_docstring(app: typer.Typer) -> None:
    text = CliRunner().invoke(app, ["draw", "--help"]).stdout
    for part in ("Draw images, one after another.", "IMAGE...", "Files, or folders of them."):
        assert part in text
    assert "Always the same." in text
    examples = text.rpartition("Examples:")[2].split("\n")
    assert [line.strip() for line in examples if line.strip()] == [
        *("alexcli draw cat.jpg", "alexcli draw DIR --ten-crop")
    ]


def test_a_flag_has_no_opposite_and_limits_hold(app: typer.Typer) -> None:
    for arguments in (["--no-ten-crop"], ["--count", "0"]):
        assert CliRunner().invoke(app, ["draw", "a.jpg", *arguments]).exit_code == 2


def test_the_function_itself_stays_as_it_is() -> None:
    before = inspect.signature(draw_)
    assert command(typer.Typer())(draw_) is draw_
    assert inspect.signature(draw_) == before


def test_a_docstring_without_or_beyond_a_parameter_is_refused() -> None:
    def mute(path: str, *, two: bool = False) -> None:
        """Do nothing.

        Args:
            path: A path.
        """

    def chatty(path: str) -> None:
        """Do nothing.

        Args:
            path: A path.
            two: Does not exist.
        """

    for function in (mute, chatty):
        with pytest.raises(TypeError, match="two"):
            command(typer.Typer())(function)


def test_a_command_ends_with_a_message_where_it_meets_an_expected_error(app: typer.Typer) -> None:
    def fail() -> None:
        """Fail."""
        raise UsageError("nothing to draw", hint="name an image")

    command(app)(fail)
    result = CliRunner().invoke(app, ["fail"])
    assert result.exit_code == 2
    assert result.stderr == "error: nothing to draw\nhint: name an image\n"
