"""What all commands share: declared by a docstring, errors as one message, Ctrl-C."""

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any, ParamSpec, get_args, get_origin

import typer
from rich.console import Console
from rich.text import Text

from alexcli.errors import AlexcliError, InterruptedRunError, UsageError, written
from alexcli.render.tables import Format
from alexcli.results import Analysis, Reporter
from alexcli.run.processes import report, speaker

P = ParamSpec("P")

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="What the experiment is.")
]
FormatOption = Annotated[Format, typer.Option(help="What stdout carries.", case_sensitive=False)]
Runs = Annotated[Path, typer.Option(help="Where the newest run is looked for.")]
TenCrop = Annotated[bool, typer.Option(help="Average the softmax of ten views (section 4.1).")]
Positive = Annotated[int, typer.Option(min=1)]
Hidden = Annotated[str | None, typer.Option(hidden=True)]

ENTRY = re.compile(r"^    (\w+)(?: \((.+?)\))?: (.+(?:\n {8}.+)*)", re.M)
"""`name: help` or `name (METAVAR): help` under a docstring's `Args:`."""


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n\n".join(["Examples:", *lines])


def group(about: str, *lines: str) -> typer.Typer:
    """Commands under a name, with a help that ends in examples."""
    return typer.Typer(help=about, no_args_is_help=True, epilog=examples(*lines))


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn an expected error into a message, a hint and an exit code.

    Any other goes on, unless alexcli started this process as one of several: it shows it then.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            complain(InterruptedRunError.of("cli.stopped"))
        except BrokenPipeError:  # such as `| head`
            sys.stderr.close()
            raise typer.Exit(0) from None
        except AlexcliError as error:
            complain(error)
        except Exception as error:
            if not report(error):
                raise
            raise typer.Exit(1) from None

    return wrapped


def command(app: typer.Typer) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Add a guarded command, declared by its function's name, signature and docstring.

    Parameters before `*` are arguments, those behind it options. What the type does not say has an
    entry under `Args:`, but for types above whose help is always the same. Examples end the help.
    """

    def add(function: Callable[P, None]) -> Callable[P, None]:
        told, _, lines = (inspect.getdoc(function) or "").partition("\n\nExamples:\n")
        about, _, entries = told.partition("\n\nArgs:\n")
        ends = examples(*map(str.strip, lines.splitlines())) if lines else None
        name = {"evaluate": "eval"}.get(function.__name__, function.__name__.rstrip("_"))
        declared: Any = guarded(function)
        declared.__signature__ = _declared(inspect.signature(function), entries)
        app.command(name, help=about, epilog=ends)(declared)
        return function

    return add


def _declared(signature: inspect.Signature, entries: str) -> inspect.Signature:
    """A signature whose defaults tell typer all it needs; entries and parameters must agree."""
    told = {name: (metavar, text) for name, metavar, text in ENTRY.findall(entries)}
    made = []
    for name, given in signature.parameters.items():
        kind, known, option = given.annotation, None, given.kind is given.KEYWORD_ONLY
        if get_origin(kind) is Annotated:
            kind, known = get_args(kind)
        info = copy(known) or (typer.Option() if option else typer.Argument())
        if option:  # alone: a flag has no --no-flag
            info.param_decls = [f"--{name.rstrip('_').replace('_', '-')}"]
        if not (info.help or info.hidden):
            metavar, text = told.pop(name)
            info.metavar, info.help = metavar or None, " ".join(text.split())
        info.default = ... if given.default is given.empty else given.default
        made.append(given.replace(annotation=kind, default=info))
    if told:
        raise TypeError(f"no parameters: {', '.join(told)}")
    return signature.replace(parameters=made)


def complain(error: AlexcliError) -> None:
    """Print an error on stderr, or tell the process that started this one; exit with its code."""
    if not report(error):
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(Text.assemble(("error:", "red"), " ", speaker() + error.message))
        if error.hint:
            console.print(Text.assemble(("hint:", "cyan"), " ", error.hint))
    raise typer.Exit(error.exit_code)


def one_of(what: str, value: str, allowed: list[str]) -> str:
    """The value, or a UsageError that names the nearest one allowed."""
    if value not in allowed:
        raise UsageError.of("cli.no_choice", what=what, word=value, known=allowed)
    return value


def split_words(words: list[str]) -> tuple[list[str], list[str]]:
    """Paths, and KEY=VALUE words, as they were typed in any order."""
    paths = [word for word in words if "=" not in word or Path(word).exists()]
    return paths, [word for word in words if word not in paths]


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a results.json that `eval --out` wrote.

    Raises:
        UsageError: it is none.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if all({"name", "split", "protocol", "top1_err", "top5_err"} <= set(row) for row in rows):
            return list(rows)
    except (OSError, ValueError, TypeError):
        pass
    raise UsageError.of("cli.no_results", path=path)


def keep(
    found: Analysis, paths: Sequence[Path], reporter: Reporter, what: object, hint: str
) -> None:
    """Write what --out asks for, and say which files.

    Raises:
        UsageError: they cannot be written.
    """
    from alexcli.render.figures import write

    try:
        with written(what, hint=hint):
            write(found, paths)
    except ValueError as error:  # an ending that is no picture format
        raise UsageError.of("cli.unwritable", what=what, error=error, hint=hint) from error
    for path in paths:
        reporter.note(f"wrote {path}")


def emit(text: str) -> None:
    """Data, on stdout."""
    sys.stdout.write(text)
    sys.stdout.flush()
