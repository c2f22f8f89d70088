'''Declaring a command by a plain function: its name, its signature and its docstring.

    @command(app)
    def predict(images: list[Path], *, ten_crop: bool = False) -> None:
        """Predict the classes of images of yours.

        Args:
            images (IMAGE...): Images, or folders of them.
            ten_crop: Average ten views.

        Examples:
            alexcli predict cat.jpg
        """

declares `alexcli predict IMAGE... [--ten-crop]`:

- The command is called as the function, with dashes for underscores. An underscore at the end of a
  name is dropped; it keeps names such as `import_` apart from Python's own.
- Parameters before `*` become arguments, those after it options.
- The docstring's text becomes the help of the command, an entry under `Args` the help of a
  parameter (with what stands for its value in parentheses), and `Examples` ends the help.
- A parameter whose type has a help, as the types of cli/options.py have, needs no entry.
- A parameter of type typer.Context is not typed by the user: typer fills it in.

Typer reads all this from the signature of the function that it is given, so the function gets
another signature here, in which every parameter's default is a `typer.Argument` or `typer.Option`.
'''

import inspect
import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, ParamSpec, get_args, get_origin

import typer

from alexcli.cli.arguments import KeyCommand
from alexcli.cli.completion import completer
from alexcli.cli.guard import guarded

P = ParamSpec("P")

ENTRY = re.compile(r"^    (\w+)(?: \((.+?)\))?: (.+(?:\n {8}.+)*)", re.M)
"""`name: help` or `name (METAVAR): help` under a docstring's `Args:`."""


class Entry(NamedTuple):
    """What a docstring says of a parameter."""

    metavar: str | None
    """What stands for the value in the help; None leaves it to typer."""
    help: str


@dataclass
class CommandDoc:
    """The parts of a command's docstring."""

    about: str
    entries: dict[str, Entry]
    """By parameter."""
    examples: list[str]

    @classmethod
    def from_function(cls, function: Callable[..., object]) -> "CommandDoc":
        """Take the docstring of a function apart."""
        text, _, examples = (inspect.getdoc(function) or "").partition("\n\nExamples:\n")
        about, _, entries = text.partition("\n\nArgs:\n")
        paragraphs = [" ".join(paragraph.split()) for paragraph in about.split("\n\n")]
        return cls(
            "\n\n".join(paragraphs),
            {
                name: Entry(metavar or None, " ".join(help_text.split()))
                for name, metavar, help_text in ENTRY.findall(entries)
            },
            [line.strip() for line in examples.splitlines()],
        )


def command(
    app: typer.Typer, panel: str | None = None
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Add a function to an app as a command; see the top of this file.

    The function itself stays as it is, for whoever calls it from Python.

    Args:
        app: with the commands of a group, or of `alexcli` itself.
        panel: heading under which the help of the app lists the command.

    Raises:
        TypeError: parameters and entries of the docstring do not agree.
    """

    def add(function: Callable[P, None]) -> Callable[P, None]:
        doc = CommandDoc.from_function(function)
        declared: Any = guarded(function)
        declared.__signature__ = _typer_signature(function, doc)
        epilog = examples(*doc.examples) if doc.examples else None
        name = _dashed(function.__name__)
        declare = app.command(
            name, cls=KeyCommand, help=doc.about, epilog=epilog, rich_help_panel=panel
        )
        declare(declared)
        return function

    return add


def group(about: str, *lines: str) -> typer.Typer:
    """Commands under a common name, such as `alexcli data`.

    Args:
        about: the help of the group.
        lines: examples that end the help.
    """
    return typer.Typer(help=about, no_args_is_help=True, epilog=examples(*lines))


def examples(*lines: str) -> str:
    """The end of a help: examples, one a line."""
    return "\n\n".join(["Examples:", *lines])


def _typer_signature(function: Callable[..., object], doc: CommandDoc) -> inspect.Signature:
    """The signature that typer is to read."""
    signature = inspect.signature(function)
    unknown = [name for name in doc.entries if name not in signature.parameters]
    if unknown:
        raise TypeError(f"{function.__name__} has no parameter {', '.join(unknown)}")
    parameters = [
        _typer_parameter(parameter, doc.entries.get(name))
        for name, parameter in signature.parameters.items()
    ]
    return signature.replace(parameters=parameters)


def _typer_parameter(parameter: inspect.Parameter, entry: Entry | None) -> inspect.Parameter:
    """A parameter whose default tells typer all about it.

    Args:
        parameter: of the function.
        entry: what the docstring says of it.
    """
    annotation = parameter.annotation
    if annotation is typer.Context:
        return parameter
    is_option = parameter.kind is parameter.KEYWORD_ONLY
    info = typer.Option() if is_option else typer.Argument()
    if get_origin(annotation) is Annotated:
        annotation, shared_info = get_args(annotation)
        info = copy(shared_info)
    if is_option:  # with its one name a flag has no --no-flag beside it
        info.param_decls = [_flag(parameter.name)]
    if not info.help and not info.hidden:
        if entry is None:
            raise TypeError(f"the docstring says nothing of {parameter.name}")
        info.metavar, info.help = entry
    info.autocompletion = info.autocompletion or completer(info.metavar)
    info.default = ... if parameter.default is parameter.empty else parameter.default
    return parameter.replace(annotation=annotation, default=info)


def _flag(name: str) -> str:
    """The option of a parameter: --ten-crop of ten_crop, --list of list_."""
    return f"--{_dashed(name)}"


def _dashed(name: str) -> str:
    """A name as it is typed: ten-crop of ten_crop, list of list_."""
    return name.rstrip("_").replace("_", "-")
