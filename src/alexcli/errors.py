"""Errors that a user can act on: one message, one hint, an exit code, never a traceback."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator


class AlexcliError(Exception):
    """An expected error. `message` names the offending value and what is allowed."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AlexcliError):
    """Wrong usage, config or data: nothing was run and nothing was written (exit code 2)."""

    exit_code = 2


class RunFailedError(AlexcliError):
    """A run that began and could not go on: full disk, non-finite loss (exit code 1)."""

    exit_code = 1


class LostPeerError(RunFailedError):
    """Another process of the run has ended, and its own message says why."""


class InterruptedRunError(AlexcliError):
    """Ctrl-C: the run was saved and can be resumed (exit code 130, as shells expect)."""

    exit_code = 130


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, or None when nothing is near."""
    found = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return found[0] if found else None


@contextlib.contextmanager
def written(what: object, *, hint: str) -> Iterator[None]:
    """UsageError, with the system's reason, where the block cannot write."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{what} cannot be written: {reason}", hint=hint) from error
