"""Errors that a user can act on: one message, one hint, an exit code, never a traceback."""

import difflib
from collections.abc import Iterable
from pathlib import Path


class AlexcliError(Exception):
    """An expected error.

    Args:
        message: what is wrong with which value, and what is allowed.
        hint: what to type or to try instead.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AlexcliError):
    """Wrong usage, configuration or data: nothing was run or written (exit code 2)."""

    exit_code = 2


class RunFailedError(AlexcliError):
    """A run that began and cannot continue, as with a full disk or a NaN loss (exit code 1)."""


class LostPeerError(RunFailedError):
    """Another process of the run has ended, and its own message says why (exit code 1)."""


class InterruptedRunError(AlexcliError):
    """Ctrl-C: the run was saved and can be resumed (exit code 130, as shells expect)."""

    exit_code = 130


class TerminatedRunError(InterruptedRunError):
    """SIGTERM: the run was saved and should be requeued.

    Exit code 75 is EX_TEMPFAIL of sysexits.h, "the user is invited to retry", which no shell uses
    itself: `RequeueExit=75` in slurm.conf lets Slurm requeue such jobs.
    """

    exit_code = 75


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 file`, `2 files`, `2 classes`."""
    if count == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most similar to a word, or None if none is similar."""
    matches = difflib.get_close_matches(word, list(choices), n=1)
    return matches[0] if matches else None


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A hint that names the choice most similar to a word, or None if none is similar."""
    choice = nearest(word, choices)
    return f"did you mean {choice}?" if choice else None


def sibling_names(path: Path) -> list[str]:
    """The names in the folder of a path that does not exist, one of which may be meant."""
    folder = path.parent
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
