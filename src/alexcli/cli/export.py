"""alexcli export."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from alexcli.cli.shell import emit
from alexcli.render.tables import Format, render
from alexcli.results import Table


def export(
    run: Annotated[str, typer.Argument(metavar="RUN_OR_CKPT", help="Which net.")],
    format: Annotated[  # noqa: A002
        Literal["onnx", "safetensors", "torch"],
        typer.Option(help="torch: a program of torch.export."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The new file; none: MODEL.onnx and so on, here."),
    ] = None,
    decompose_lrn: Annotated[
        bool,
        typer.Option("--decompose-lrn", help="onnx: plain arithmetic for runtimes without LRN."),
    ] = False,
    preprocessing: Annotated[
        bool,
        typer.Option(
            "--preprocessing", help="Take stored uint8 pictures (N, S, S, 3), centre crop inside."
        ),
    ] = False,
    opset: Annotated[int | None, typer.Option(help="onnx: version of its operators.")] = None,
    json: Annotated[bool, typer.Option("--json", help="stdout carries JSON.")] = False,
) -> None:
    """Write a trained net for other programs, and check the file against the net.

    Examples:
        alexcli export runs/quickstart/s0-* --format onnx
        alexcli export runs/quickstart/s0-* --format safetensors --out net.safetensors
    """
    from alexcli.run.exchange import SUFFIX
    from alexcli.run.exchange import export as run_export
    from alexcli.run.rundir import locate
    from alexcli.run.trained import load

    trained = load(*locate(run), ["trainer.accelerator=cpu"])
    path = out or Path(trained.spec.model.name + SUFFIX[format])
    made = run_export(
        trained, format, path, decompose_lrn=decompose_lrn, preprocessing=preprocessing, opset=opset
    )
    row = {"file": made.path, "bytes": made.bytes, "opset": made.opset}
    row["difference"] = f"{made.difference:.1e}"
    note = "difference: from the net, as a part of the largest score, after reading the file back"
    if made.operators:
        note += f"; operators: {', '.join(made.operators)}"
    table = Table.of("export", [row], note)
    emit(render(table, Format.json if json else Format.table, asdict(made)))
