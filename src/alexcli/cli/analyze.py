"""alexcli analyze."""

from typing import Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, Overrides, emit, guarded, one_of
from alexcli.render.tables import Format, render
from alexcli.results import Table

NAMES = ["params"]


@guarded
def analyze(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(NAMES)}.")],
    overrides: Overrides = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Look inside a net."""
    from alexcli.analysis import params
    from alexcli.config import compose
    from alexcli.schema import AnalyzeSpec

    one_of("analysis", name, NAMES)
    spec = compose(overrides or [], AnalyzeSpec)
    found = params.run(spec.model)
    emit(render(_params_table(found), format, found))


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
