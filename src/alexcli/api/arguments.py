"""Shared by the functions of the Python API: reporting progress, and checking arguments."""

import reprlib
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


def check_overrides(call: str, overrides: Sequence[object]) -> None:
    """Raise UsageError for an override that is no string, such as a list of overrides.

    Args:
        call: an example of a call, for the hint.
        overrides: what the function was given as such.
    """
    for override in overrides:
        if not isinstance(override, str):
            kind = type(override).__name__
            raise UsageError(
                f"overrides are strings, and {reprlib.repr(override)} is a {kind}",
                hint=f"{call}; those of a list have a star before it: *overrides",
            )


def check_one_net(function: str, overrides: Sequence[str]) -> None:
    """Raise UsageError for an override that lists several values, as `alexcli train` takes them.

    Args:
        function: which makes, trains or counts one net.
        overrides: strings.
    """
    from alexcli.config.overrides import expand

    for override in overrides:
        if len(expand([override])) > 1:
            key = override.partition("=")[0]
            call = f'alexcli.{function}(..., f"{key}={{value}}")'
            raise UsageError(
                f"{override!r} lists several values, and {function} takes one",
                hint=f"call it for each: for value in ...: {call}",
            )


def check_count(name: str, value: int, most: int, hint: str) -> None:
    """Raise UsageError unless a value is an integer from 1 to the largest that is allowed."""
    if not isinstance(value, int) or not 1 <= value <= most:
        raise UsageError(f"{name}={value!r} is not a whole number from 1 to {most:,}", hint=hint)


def check_word(parameter: str, word: str, allowed: Sequence[str]) -> None:
    """Raise UsageError for a word that a parameter does not take."""
    if word not in allowed:
        raise UsageError(
            f"{parameter}={word!r} is not one of {', '.join(allowed)}",
            hint=f"{parameter}={allowed[0]!r}",
        )
