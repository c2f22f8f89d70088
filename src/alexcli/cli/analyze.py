"""alexcli analyze."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, Overrides, emit, guarded, one_of, read_results
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render
from alexcli.results import Table

NAMES = ["params", "tables"]


@guarded
def analyze(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(NAMES)}.")],
    overrides: Overrides = None,
    results: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="tables: where `eval --out` wrote, folders below too."),
    ] = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Look inside a net."""
    from alexcli.analysis import params
    from alexcli.config import compose
    from alexcli.schema import AnalyzeSpec

    if one_of("analysis", name, NAMES) == "tables":
        _tables(results, format)
        return
    spec = compose(overrides or [], AnalyzeSpec)
    found = params.run(spec.model)
    emit(render(_params_table(found), format, found))


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


def _params_table(found: dict[str, Any]) -> Table:
    rows = [
        [
            layer["name"],
            " x ".join(map(str, layer["output"])),
            layer["sees"],
            layer["neurons"],
            layer["params"],
            layer["macs"],
        ]
        for layer in found["layers"]
    ]
    totals = found["totals"]
    side = found["input"][-1]
    return Table(
        title=f"{found['model']}, {found['input'][0]} x {side} x {side}",
        columns=["layer", "output", "sees", "neurons", "parameters", "MACs"],
        rows=rows,
        total=["total", "", "", totals["neurons"], totals["params"], totals["macs"]],
        note=(
            "output: of the product, before pooling; MACs: multiply-accumulates of one picture's "
            "forward pass, convolution and fully connected, without biases"
        ),
    )
