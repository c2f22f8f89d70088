"""What the functions of Python's interface share: progress, and the check of a word."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alexcli.errors import UsageError

if TYPE_CHECKING:
    from alexcli.reporter import Reporter


def reporter_of(*, progress: bool) -> "Reporter":
    """What shows progress on stderr, or nothing."""
    if not progress:
        from alexcli.reporter import NullReporter

        return NullReporter()
    from alexcli.render.progress import make_reporter

    return make_reporter()


def check_word(parameter: str, word: str, allowed: Sequence[str]) -> None:
    """UsageError for a word that a parameter does not take."""
    if word not in allowed:
        raise UsageError(
            f"{parameter}={word!r} is not one of {', '.join(allowed)}",
            hint=f"{parameter}={allowed[0]!r}",
        )
