"""alexcli analyze."""

import ast
from pathlib import Path
from typing import Annotated

import typer

from alexcli import analysis
from alexcli.cli.shell import FormatOption, Overrides, Runs, emit, keep, one_of, read_results
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.results import Table

FILES = {path.stem: path for path in sorted(Path(analysis.__path__[0]).glob("[a-z]*.py"))}
"""The file name is the registry: `analyze X` calls the one public `run` of analysis/X.py."""

Name = Annotated[
    str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(FILES)}; help explains them.")
]


def analyze(
    name: Name,
    overrides: Overrides = None,
    *,
    run: list[str] | None = None,
    out: Path | None = None,
    results: Path | None = None,
    check: bool = False,
    runs: Runs = Path("runs"),
    format: FormatOption = Format.table,
) -> None:
    """Look inside a net.

    Args:
        run (RUN_OR_CKPT): Which net; none: the newest finished run.
        out (DIR): Also write the figure, and the numbers as json and csv.
        results (DIR): tables: where `eval --out` wrote, folders below too.
        check: params: count with other programs too.

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
        raise UsageError.of("analyze.no_folder", results=results)
    for typed, flag, owner in ((results, "--results", "tables"), (check, "--check", "params")):
        if typed and name != owner:
            given = f"{flag} DIR" if results else flag
            raise UsageError.of("analyze.flag", flag=flag, owner=owner, given=given)
    from alexcli.render.figures import as_text, files_of
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
        hint = "choose another folder"
        keep(found, files_of(found, out, name), reporter, f"--out {out}", hint)
    emit(as_text(found, format))


def _help(format: Format) -> str:
    """All analyses, by the first lines of their docstrings, without importing them."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
    told = {name: (ast.get_docstring(tree) or "").split("\n")[0] for name, tree in trees.items()}
    rows = [list(row) for row in told.items()]
    return render(Table("analyses", ["name", "what it shows"], rows), format, told)
