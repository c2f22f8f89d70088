"""The words of a command line: what they are, and all of them as they were typed."""

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from alexcli.cli.guard import print_error
from alexcli.cli.mistyped import as_usage_error, key_in_place, option_elsewhere, shown_by_typer
from alexcli.errors import UsageError, did_you_mean
from alexcli.render.progress import make_reporter

OVERRIDE = "KEY=VALUE"
"""Part of the name of an argument that takes overrides."""

A_KEY = re.compile(r"[~+]*[A-Za-z_][\w.]*=")
"""The beginning of an override; `./size=36` is a path."""

LIBRARY_WORDS = {
    r"^Value error, ": "",
    r"^Input should be greater than or equal to (\d+)$": r"it must be at least \1",
    r"^Input should be less than or equal to (\d+)$": r"it must be at most \1",
    r"^Input should be a valid integer.*": "it must be a whole number",
    r"^Input should be a valid number.*": "it must be a number",
}
"""What pydantic says of a value -> what is said in its place."""

DEVICE_OPTIONS = {"--gpu": "gpu", "--gpus": "gpu", "--cuda": "gpu", "--cpu": "cpu"}
"""Options of other programs -> the value of trainer.accelerator."""


class RecordingGroup(TyperGroup):
    """A root command that remembers its arguments; `typed_arguments` gives them to a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments before they are taken apart; contexts of commands inherit `obj`."""
        ctx.obj = list(args)
        _spare_conversions(self, ctx)
        with _refusals_explained(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named, whose words are taken apart here too."""
        with _refusals_explained(ctx):
            return super().invoke(ctx)


@contextlib.contextmanager
def _refusals_explained(context: Any) -> Iterator[None]:
    """Exit with a message and a hint where typer cannot take a command line apart."""
    try:
        yield
    except typer.TyperException as error:
        if context.resilient_parsing or shown_by_typer(error):
            raise
        print_error(as_usage_error(error, context))
        raise typer.Exit(UsageError.exit_code) from None


class KeyCommand(TyperCommand):
    """A command that answers an option which it does not have with the key that is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse `--epochs 3` where `optim.epochs=3` is meant (exit code 2)."""
        _spare_conversions(self, ctx)
        if not ctx.resilient_parsing:
            self._check_values(ctx, args)
        takes_keys = any(OVERRIDE in (parameter.metavar or "") for parameter in self.params)
        if takes_keys and not ctx.resilient_parsing:
            options = {option for parameter in self.get_params(ctx) for option in parameter.opts}
            for word, after in itertools.pairwise([*args, "--"]):
                if word == "--":
                    break
                option, _, value = word.partition("=")
                if option.startswith("--") and option not in options:
                    self._refuse(ctx, option, value or ("" if after.startswith("-") else after))
            _warn_of_repeated_keys(args)
        typed = list(args)  # which the parser empties
        with _refusals_explained(ctx):
            try:
                left = super().parse_args(ctx, args)
            except typer.BadParameter as error:
                _refuse_value(error, typed, ctx.command_path)
                raise
        if takes_keys and not ctx.resilient_parsing:
            self._check_places(ctx)
        return left

    def _check_places(self, context: Any) -> None:
        """Exit if a key stands in the place of an argument, which would swallow it."""
        for parameter in self.params:
            word = context.params.get(parameter.name)
            is_single = parameter.param_type_name == "argument" and isinstance(word, str)
            if is_single and A_KEY.match(word) and not os.path.exists(word):  # noqa: PTH110
                print_error(key_in_place(word, parameter.metavar or "", context))
                raise typer.Exit(UsageError.exit_code)

    def _check_values(self, context: Any, args: Sequence[str]) -> None:
        """Exit if an option that needs a value is followed by another option of the command."""
        parameters = self.get_params(context)
        options = {option for parameter in parameters for option in parameter.opts}
        need_value = {
            option
            for parameter in parameters
            for option in parameter.opts
            if option.startswith("-") and not getattr(parameter, "is_flag", False)
        }
        for word, after in itertools.pairwise(
            itertools.takewhile(lambda argument: argument != "--", args)
        ):
            if word in need_value and after.startswith("-") and after in options:
                print_error(
                    UsageError(
                        f"{word} needs a value, and {after} is an option",
                        hint=f"{context.command_path} --help says what {word} takes",
                    )
                )
                raise typer.Exit(UsageError.exit_code)

    def _refuse(self, context: Any, option: str, value: str) -> None:
        """Exit if an option is a key; others are left to typer."""
        override = _as_override(option, value)
        if override is not None:
            hint = f"did you mean {override}? KEY=VALUE takes no leading dashes"
            elsewhere = option_elsewhere(option, context)
            if elsewhere:
                hint = f"{elsewhere}; a key is typed without dashes: {override}"
            print_error(UsageError(f"{self.name} has no option {option}", hint=hint))
            raise typer.Exit(UsageError.exit_code)


def _warn_of_repeated_keys(arguments: Sequence[str]) -> None:
    """Say of a key that is typed twice with different values which one holds: the last.

    A script may well append keys to others, so this is no error; for a person it is a slip.
    """
    last: dict[str, str] = {}
    for word in arguments:
        key, equals, _ = word.partition("=")
        if not equals or key.startswith("-"):
            continue
        earlier = last.get(key, word)
        if earlier != word and not os.path.exists(word):  # noqa: PTH110 (any length)
            make_reporter().warn(f"{earlier} has no effect: {word} comes after it")
        last[key] = word


def _spare_conversions(command: TyperCommand | TyperGroup, context: Any) -> None:
    """Leave values as they are typed where a shell completes a word.

    What converts them, pydantic, takes half as long to import as all else together.
    """
    if context.resilient_parsing:
        for parameter in command.get_params(context):  # and --help
            setattr(parameter, "process_value", _as_typed)  # noqa: B010 (typed as a method)


def _as_typed(ctx: Any, value: Any) -> Any:
    """A value of the command line without a conversion."""
    del ctx
    return value


def _refuse_value(error: typer.BadParameter, typed: Sequence[str], command: str) -> None:
    """Exit if an option does not take its value; what is missing is left to typer.

    Args:
        error: of typer, which does not name the value.
        typed: words after the command.
        command: as it was typed.
    """
    if error.param is None:
        return
    option = error.param.opts[0]
    value = _value_after(option, typed)
    if value is not None:
        print_error(
            UsageError(
                f"{option} {value}: {_reason(error.message)}",
                hint=f"{command} --help says what {option} takes",
            )
        )
        raise typer.Exit(UsageError.exit_code) from None


def _reason(message: str) -> str:
    """Why a value is refused, in place of the words of the library that converts it."""
    for pattern, replacement in LIBRARY_WORDS.items():
        message = re.sub(pattern, replacement, message)
    return message.rstrip(".")


def _value_after(option: str, args: Sequence[str]) -> str | None:
    """What was typed as the value of an option; None where it was not typed."""
    for word, after in itertools.pairwise([*args, ""]):
        if word == option:
            return after
        name, equals, value = word.partition("=")
        if name == option and equals:
            return value
    return None


def _as_override(option: str, value: str) -> str | None:
    """What is typed in place of an option of other programs; None where no key is like it.

    Args:
        option: such as `--learning-rate`.
        value: what follows it; empty for nothing.
    """
    from alexcli.config.files import choices, groups
    from alexcli.config.keys import below
    from alexcli.config.suggestions import full_key

    if option in DEVICE_OPTIONS:
        return f"trainer.accelerator={DEVICE_OPTIONS[option]}"
    name = option.removeprefix("--").replace("-", "_")
    if name == "data" and value not in choices(name) and Path(value or "no").is_dir():
        return f"data=folder data.root={value}"
    if name in groups():
        return f"{name}={value or 'CHOICE'}"
    key = full_key(name, [known_key.name for known_key in below("")])
    return key and f"{key}={value or 'VALUE'}"


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


def one_of(kind: str, value: str, choices: Sequence[str], hint: str) -> str:
    """Check a choice.

    Args:
        kind: what is chosen, for the message.
        value: what was typed.
        choices: what is allowed.
        hint: where there is no choice that is near.

    Returns:
        The value.

    Raises:
        UsageError: it is not allowed; the hint has the nearest choice.
    """
    if value not in choices:
        raise UsageError(
            f"{kind} {value!r} does not exist; there are {', '.join(choices)}",
            hint=did_you_mean(value, choices) or hint,
        )
    return value
