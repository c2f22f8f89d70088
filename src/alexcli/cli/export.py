"""alexcli export."""

from pathlib import Path
from typing import Literal

from alexcli.cli.shell import emit
from alexcli.render.tables import Format


def export(
    run: str,
    *,
    format: Literal["onnx", "safetensors", "torch"],
    out: Path | None = None,
    decompose_lrn: bool = False,
    preprocessing: bool = False,
    opset: int | None = None,
    json: bool = False,
) -> None:
    """Write a trained net for other programs, and check the file against the net.

    Args:
        run (RUN_OR_CKPT): Which net.
        format: torch: a program of torch.export.
        out (PATH): The new file; none: MODEL.onnx and so on, here.
        decompose_lrn: onnx: plain arithmetic for runtimes without LRN.
        preprocessing: Take stored uint8 pictures (N, S, S, 3), centre crop inside.
        opset: onnx: version of its operators.
        json: stdout carries JSON.

    Examples:
        alexcli export runs/quickstart/s0-* --format onnx
        alexcli export runs/quickstart/s0-* --format safetensors --out net.safetensors
    """
    from alexcli.render.figures import as_text
    from alexcli.run.exchange import SUFFIX
    from alexcli.run.exchange import export as run_export
    from alexcli.run.rundir import locate
    from alexcli.run.trained import load

    trained = load(*locate(run), ["trainer.accelerator=cpu"])
    path = out or Path(trained.spec.model.name + SUFFIX[format])
    made = run_export(
        trained, format, path, decompose_lrn=decompose_lrn, preprocessing=preprocessing, opset=opset
    )
    emit(as_text(made, Format.json if json else Format.table))
