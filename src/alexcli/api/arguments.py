"""Shared by the functions of the Python API: reporting progress, and checking arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alexcli.errors import UsageError

if TYPE_CHECKING:
    from alexcli.reporter import Reporter


def reporter_of(*, progress: bool) -> "Reporter":
    """A reporter that shows progress on stderr, or one that shows nothing."""
    if not progress:
        from alexcli.reporter import NullReporter

        return NullReporter()
    from alexcli.render.progress import make_reporter

    return make_reporter()


def check_word(parameter: str, word: str, allowed: Sequence[str]) -> None:
    """Raise UsageError for a word that a parameter does not take."""
    if word not in allowed:
        raise UsageError(
            f"{parameter}={word!r} is not one of {', '.join(allowed)}",
            hint=f"{parameter}={allowed[0]!r}",
        )
