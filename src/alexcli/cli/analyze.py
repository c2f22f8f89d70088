"""alexcli analyze."""

import ast
from pathlib import Path
from typing import Annotated

import typer

from alexcli import analysis
from alexcli.cli.shell import FormatOption, Overrides, emit, one_of, read_results
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render
from alexcli.results import Table

# The file name is the registry: `analyze X` calls the one public `run` of analysis/X.py.
FILES = {path.stem: path for path in sorted(Path(analysis.__path__[0]).glob("[a-z]*.py"))}


def analyze(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(FILES)}; help explains them.")
    ],
    overrides: Overrides = None,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN_OR_CKPT", help="Which net; none: the newest finished run."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the figure, and the numbers as json and csv."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="tables: where `eval --out` wrote, folders below too."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="params: count with other programs too.")
    ] = False,
    runs: Annotated[Path, typer.Option(help="Where the newest run is looked for.")] = Path("runs"),
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Look inside a net.

    Examples:
        alexcli analyze help
        alexcli analyze params model=merged --format md
        alexcli analyze filters --out figures
        alexcli analyze neighbors pictures=DIR nearest=6 --run runs/quickstart/s0-* --out figures
        alexcli analyze tables --results results
    """
    if one_of("analysis", name, [*FILES, "help"]) == "help":
        emit(_help(format))
        return
    if results is not None and not results.is_dir():
        raise UsageError(f"--results {results} is no folder", hint="alexcli eval RUN --out DIR")
    for typed, flag, owner in ((results, "--results", "tables"), (check, "--check", "params")):
        if typed and name != owner:
            raise UsageError(f"{flag} belongs to {owner}", hint=f"alexcli analyze {owner} {flag}")
    from alexcli.render.figures import as_text, write
    from alexcli.render.progress import make_reporter
    from alexcli.run.look import look

    files = sorted(results.rglob("results.json")) if results else []
    reporter = make_reporter()
    found = look(
        name,
        overrides or [],
        run or [],
        runs,
        reporter,
        evaluations=[row for file in files for row in read_results(file)],
        check=check,
    )
    if out is not None:
        for path in write(found, name, out):
            reporter.note(f"wrote {path}")
    emit(as_text(found, format))


def _help(format: Format) -> str:  # noqa: A002
    """All analyses."""
    rows = [[known, _summary(path)] for known, path in FILES.items()]
    return render(Table("analyses", ["name", "what it shows"], rows), format, dict(rows))


def _summary(path: Path) -> str:
    """The first line of a file's docstring, without importing it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
