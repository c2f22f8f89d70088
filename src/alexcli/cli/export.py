"""alexcli export."""

from pathlib import Path
from typing import Literal

from alexcli.cli.options import Runs
from alexcli.cli.output import emit
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format
from alexcli.run_files import DEFAULT_RUNS


def export(
    run: str | None = None,
    *,
    format: Literal["onnx", "safetensors", "torch"],
    out: Path | None = None,
    decompose_lrn: bool = False,
    preprocessing: bool = False,
    opset: int | None = None,
    runs: Runs = DEFAULT_RUNS,
    json: bool = False,
) -> None:
    """Write a trained net for other programs, and check the file against the net.

    A model card, FILE.md, is written beside it: the net, its data and errors, and the exact input.

    Args:
        run (RUN_OR_CKPT): Net to export; default: the newest finished run.
        format: File format; torch is a torch.export program.
        out (PATH): The new file; default: MODEL.onnx or similar in the current folder.
        decompose_lrn: For onnx: write LRN as plain arithmetic, for runtimes without an LRN
            operator.
        preprocessing: Include preprocessing: the file takes stored uint8 images (N, S, S, 3) and
            crops the centre.
        opset: For onnx: version of the operator set.
        json: Print JSON.

    Examples:
        alexcli export --format onnx
        alexcli export 'runs/quickstart/s0-*' --format safetensors --out net.safetensors
    """
    from alexcli.run.find import single_checkpoint

    reporter = make_reporter()
    checkpoint = single_checkpoint([] if run is None else [run], runs, reporter=reporter)
    from alexcli.render.model_card import write_card
    from alexcli.render.output import as_text  # torch from here on, which takes seconds to import
    from alexcli.run.export import card_path, default_path
    from alexcli.run.export import export as run_export
    from alexcli.run.model_card import model_card
    from alexcli.run.trained import load

    trained = load(checkpoint.run, checkpoint.path, ["trainer.accelerator=cpu"])
    trained.spec.trainer = checkpoint.run.read_config().trainer  # which the file records
    path = out or default_path(trained, format)
    analysis = run_export(
        trained, format, path, decompose_lrn=decompose_lrn, preprocessing=preprocessing, opset=opset
    )
    write_card(model_card(trained, path, format, preprocessing=preprocessing), card_path(path))
    emit(as_text(analysis, Format.json if json else Format.table))
