"""What typer refuses of a command line, in the form of all other errors: a message and a hint."""

import re
from typing import Any

import typer

from alexcli.errors import UsageError

EXAMPLE = re.compile(r"^alexcli .*$", re.MULTILINE)
"""A line of the examples that end a help."""
MOST_OWNERS = 3
"""Commands that a hint names; an option of more of them, such as --out, says little."""
OVERRIDE = "KEY=VALUE"
"""What may stand beside an argument, and never in its place."""


def shown_by_typer(error: typer.TyperException) -> bool:
    """Whether an error is left to typer: a help, or no wrong usage at all."""
    is_help = type(error).__name__ == "NoArgsIsHelpError"  # which typer keeps to itself
    return is_help or error.exit_code != UsageError.exit_code


def as_usage_error(error: typer.TyperException, command_context: Any) -> UsageError:
    """The error of a command line that typer cannot take apart.

    Args:
        error: for a missing, unknown or superfluous word.
        command_context: of the command whose words are taken apart, if the error does not say it.
    """
    context: Any = getattr(error, "ctx", None) or command_context
    command = context.command_path
    text = " ".join(error.format_message().split())
    for said, explain in EXPLANATIONS.items():
        match = re.search(said, text)
        if match:
            return explain(command, context, match)
    return UsageError(f"{command}: {text.rstrip('.')}", hint=f"{command} --help")


def _missing(command: str, context: Any, match: re.Match[str]) -> UsageError:
    """A missing argument or option; the hint is the first example of the help."""
    name = match["name"]
    hint = _example_hint(command, context)
    choices = [choice.strip() for choice in (match["choices"] or "").split(",") if choice.strip()]
    if choices:
        hint = f"{name} {choices[0]}; there are {', '.join(choices)}"
    needed = " or ".join(word for word in name.split("|") if word != OVERRIDE)
    return UsageError(f"{command} needs {needed}", hint=hint)


def _example_hint(command: str, context: Any) -> str:
    """The first example of a command's help."""
    example = EXAMPLE.search(context.command.epilog or "")
    return f"for instance: {example[0]}" if example else f"{command} --help"


def key_in_place(word: str, argument: str, context: Any) -> UsageError:
    """The error for a key that was typed where an argument is missing.

    Args:
        word: KEY=VALUE.
        argument: what stands for the argument in the help.
        context: of the command.
    """
    command = context.command_path
    return UsageError(
        f"{command} needs {argument}; {word!r} is a key", hint=_example_hint(command, context)
    )


def _unknown_option(command: str, context: Any, match: re.Match[str]) -> UsageError:
    name, similar = match["name"], match["similar"]
    argument = _argument_called(name, context)
    elsewhere = option_elsewhere(name, context)
    if argument is not None:
        hint = f"{argument} is an argument, without an option before it: {command} {argument}"
    elif elsewhere:
        hint = elsewhere
    elif similar:
        hint = f"did you mean {similar.replace(', ', ' or ')}?"
    else:
        hint = f"{command} --help lists its options"
    return UsageError(f"{command} has no option {name}", hint=hint)


def option_elsewhere(option: str, context: Any) -> str | None:
    """A hint that names the commands which have an option; None for no command, or for many.

    Args:
        option: such as `--split`.
        context: of a command that lacks it.
    """
    root = context.find_root()
    waiting = [(root.command_path, root.command)]
    owners = []
    while waiting:
        path, command = waiting.pop(0)
        if any(option in parameter.opts for parameter in command.params):
            owners.append(path)
        commands = getattr(command, "commands", {})
        waiting += [(f"{path} {name}", child) for name, child in commands.items()]
    if not owners or len(owners) > MOST_OWNERS:
        return None
    return f"{option} is an option of {' and '.join(owners)}"


def _argument_called(option: str, context: Any) -> str | None:
    """The part of an argument's name that an option has, too: RUN of RUN_OR_CKPT for --run."""
    name = option.lstrip("-").upper()
    for parameter in context.command.params:
        parts = re.split(r"[|_]", parameter.metavar or "")
        if parameter.param_type_name == "argument" and name in parts:
            return name
    return None


def _unknown_command(command: str, _context: Any, match: re.Match[str]) -> UsageError:
    similar = match["similar"]
    return UsageError(
        f"{command} has no command {match['name']}",
        hint=f"did you mean {command} {similar}?" if similar else f"{command} --help lists them",
    )


def _superfluous(command: str, _context: Any, match: re.Match[str]) -> UsageError:
    return UsageError(f"{command} does not take {match['words']}", hint=f"{command} --help")


def _no_value(command: str, _context: Any, match: re.Match[str]) -> UsageError:
    return UsageError(
        f"{match['name']} needs a value", hint=f"{command} --help says what {match['name']} takes"
    )


def _not_a_value(_command: str, _context: Any, match: re.Match[str]) -> UsageError:
    return UsageError(f"{match['name']} takes no value", hint=f"type {match['name']} alone")


EXPLANATIONS = {
    r"^Missing \w+ '(?P<name>[^']+)'\.(?: Choose from: (?P<choices>.*))?": _missing,
    r"^No such option:? '?(?P<name>[^ ']+)'?(?: \(Possible options: (?P<similar>.*)\))?": (
        _unknown_option
    ),
    r"^No such command '(?P<name>.*?)'\.(?: Did you mean '(?P<similar>[^']+)')?": _unknown_command,
    r"^Got unexpected extra arguments?(?:\(s\))? \((?P<words>.*)\)": _superfluous,
    r"^Option '(?P<name>[^']+)' requires an argument": _no_value,
    r"^Option '(?P<name>[^']+)' does not take a value": _not_a_value,
}
"""What typer says -> what is said in its place."""
