"""The words of a command line: what they are, and all of them as they were typed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from alexcli.errors import UsageError, did_you_mean


class RecordingGroup(TyperGroup):
    """A root command that remembers its arguments; `typed_arguments` gives them to a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments before they are taken apart; contexts of commands inherit `obj`."""
        ctx.obj = list(args)
        return super().parse_args(ctx, args)


def typed_arguments(context: typer.Context) -> list[str]:
    """Everything that was typed after `alexcli`, with which the same command can be started again.

    Args:
        context: of the running command.
    """
    return list(context.obj)


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell names from config overrides, which may be typed in any order.

    Args:
        arguments: names of runs, studies or paths, and KEY=VALUE.

    Returns:
        The names and the overrides. A path with an equals sign is a name if it exists.
    """
    names = [word for word in arguments if "=" not in word or Path(word).exists()]
    overrides = [word for word in arguments if word not in names]
    return names, overrides


def one_of(kind: str, value: str, choices: Sequence[str]) -> str:
    """Check a choice.

    Args:
        kind: what is chosen, for the message.
        value: what was typed.
        choices: what is allowed.

    Returns:
        The value.

    Raises:
        UsageError: it is not allowed; the hint has the nearest choice.
    """
    if value not in choices:
        raise UsageError(
            f"{kind} {value!r} does not exist; there are {', '.join(choices)}",
            hint=did_you_mean(value, choices) or "--help says what each does",
        )
    return value
