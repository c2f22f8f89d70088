"""Errors that a user can act on: one message, one hint, an exit code, never a traceback."""

import contextlib
import difflib
import string
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Self


class AlexcliError(Exception):
    """An expected error. `message` names the offending value and what is allowed."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    @classmethod
    def of(cls, name: str, /, *, word: str = "", known: Iterable[str] = (), **values: Any) -> Self:
        """An error in the words of errors.yaml.

        Args:
            name: `section.key` of an entry.
            word: a wrong word; the entry's `near` is the hint where a known word is like it.
            known: all right words.
            values: what the entry names in braces; a hint that comes out empty is none.
        """
        section, _, key = name.partition(".")
        entry, known = _messages()[section][key], list(known)
        near = nearest(word, known)
        values |= {"word": word, "known": known, "near": near}
        hint = entry["near"] if near and "near" in entry else entry.get("hint", "")
        said, hint = (_Words().format(text, **values) for text in (entry["says"], hint))
        return cls(said, hint=hint if hint not in ("", "None") else None)


class UsageError(AlexcliError):
    """Wrong usage, config or data: nothing was run and nothing was written (exit code 2)."""

    exit_code = 2


class RunFailedError(AlexcliError):
    """A run that began and could not go on: full disk, non-finite loss (exit code 1)."""


class LostPeerError(RunFailedError):
    """Another process of the run has ended, and its own message says why."""


class InterruptedRunError(AlexcliError):
    """Ctrl-C: the run was saved and can be resumed (exit code 130, as shells expect)."""

    exit_code = 130


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "es" if noun.endswith("s") else "s")


class _Words(string.Formatter):
    """Lists are written with commas, {x!n} is the number of x, and {x!n:file} says of what."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return len(value) if conversion == "n" else super().convert_field(value, conversion)

    def format_field(self, value: Any, spec: str) -> str:
        if isinstance(value, int) and spec[1:].replace(" ", "").isalpha():
            return plural(value, spec)
        several = isinstance(value, Iterable) and not isinstance(value, (str, Path, Exception))
        return ", ".join(map(str, value)) if several else str(super().format_field(value, spec))


@cache
def _messages() -> dict[str, dict[str, dict[str, str]]]:
    import yaml

    return dict(yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")))


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, or None when nothing is near."""
    return next(iter(difflib.get_close_matches(word, list(choices), n=1)), None)


def beside(path: Path) -> list[str]:
    """Names in the folder of a path that does not exist, one of which may be meant."""
    return [found.name for found in path.parent.iterdir()] if path.parent.is_dir() else []


@contextlib.contextmanager
def written(what: object, *, hint: str) -> Iterator[None]:
    """UsageError, with the system's reason, where the block cannot write."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{what} cannot be written: {reason}", hint=hint) from error
