"""The page of commands is what typer makes of them now."""

from tests.results.commands import PAGE, made


def test_the_page_of_commands_is_current() -> None:
    """`nox -s tables` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == made()


def test_every_command_has_examples() -> None:
    assert made().count("**Examples**:") == made().count("`--help`: ")
