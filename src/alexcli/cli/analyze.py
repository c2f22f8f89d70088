"""alexcli analyze."""

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Annotated

import typer

from alexcli import analysis
from alexcli.cli.shell import FormatOption, Overrides, emit, guarded, one_of, read_results
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render

# The file name is the registry: analysis/X.py has `run`, render/analyses.py the table X, and
# render/figures.py, for an analysis that draws, the figure X.
NAMES = sorted(module.name for module in pkgutil.iter_modules(analysis.__path__))


@guarded
def analyze(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(NAMES)}.")],
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the figure, and the numbers as json and csv."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="tables: where `eval --out` wrote, folders below too."),
    ] = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Look inside a net."""
    from alexcli.config import compose
    from alexcli.render import analyses
    from alexcli.schema import AnalyzeSpec

    if one_of("analysis", name, NAMES) == "tables":
        _tables(results, format)
        return
    spec = compose(overrides or [], AnalyzeSpec)
    found = importlib.import_module(f"alexcli.analysis.{name}").run(spec)
    table = getattr(analyses, name)(found)
    if out is not None:
        from alexcli.render import figures

        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            csv = render(table, Format.csv, found)
            (out / f"{name}.csv").write_text(csv, encoding="utf-8")
            if (draw := getattr(figures, name, None)) is not None:
                draw(found, out / f"{name}.png")
        except OSError as error:
            raise UsageError(
                f"--out {out} cannot be written: {error.strerror}", hint="choose another folder"
            ) from error
    emit(render(table, format, found))


def _tables(results: Path | None, format: Format) -> None:  # noqa: A002
    """Tables 1 and 2 with ours from what `eval --out` wrote."""
    from alexcli.analysis import tables

    if results is not None and not results.is_dir():
        raise UsageError(f"--results {results} is no folder", hint="alexcli eval RUN --out DIR")
    files = sorted(results.rglob("results.json")) if results else []
    found = tables.run([row for file in files for row in read_results(file)])
    if format is Format.json:
        emit(json.dumps(found, indent=1) + "\n")
        return
    emit("\n".join(render(tables.table(one), format, None) for one in found))
