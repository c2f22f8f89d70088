"""alexcli eval."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alexcli.cli.shell import FormatOption, Runs, TenCrop, emit, keep, split_words
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format
from alexcli.results import Evaluation, Reporter

Protocols = Annotated[Literal["center", "ten", "all"] | None, typer.Option(show_default="center")]


def evaluate(
    what: list[str] | None = None,
    *,
    ten_crop: TenCrop = False,
    protocols: Protocols = None,
    split: Literal["val", "test"] = "val",
    per_class: bool = False,
    out: Path | None = None,
    probabilities: bool = False,
    runs: Runs = Path("runs"),
    format: FormatOption = Format.table,
) -> None:
    """Top-1 and top-5 error of trained nets, with the protocol beside the numbers.

    Args:
        what (RUN_OR_CKPT|KEY=VALUE): Runs or checkpoints, wildcards too (none: the newest finished
            run; several: also their averaged ensemble), and data.*, eval.*, placement.* or
            trainer.* keys.
        protocols: center, ten (as --ten-crop), or all: both, side by side from one pass.
        split: Which held-out pictures.
        per_class: Also each class's error and what it is taken for.
        out (DIR): Write results.json, results.csv, predictions.npz and, with --per-class,
            per_class.csv and confusion.png.
        probabilities: predictions.npz holds all softmax outputs.

    Examples:
        alexcli eval --ten-crop
        alexcli eval 'runs/quickstart/s*' --protocols all --per-class --out eval
        alexcli eval runs/quickstart/s0-* --format json
    """
    protocol = _protocol(ten_crop, protocols, out, probabilities)
    wanted = ["center", "ten"] if protocol == "all" else [protocol]
    names, overrides = split_words(what or [])
    from alexcli.run.evaluate import evaluate as run_evaluate
    from alexcli.run.processes import launched, speaks
    from alexcli.run.trained import choose, placed_spec

    reporter = make_reporter()
    chosen = choose(names, runs)
    # What the processes of a placement are started with.
    words = [*map(str, (path for _, path in chosen)), *overrides, "--split", split]
    words += ["--protocols", protocol, "--format", format.value]
    words += ["--out", str(out)] if out else []
    words += ["--per-class"] * per_class + ["--probabilities"] * probabilities
    if launched(placed_spec(chosen[0][0], overrides), ["eval", *words]):
        return
    found = run_evaluate(
        chosen, reporter, split, wanted, overrides, classes=per_class, probabilities=probabilities
    )
    if speaks():
        _show(found, out, format, reporter)


def _show(found: Evaluation, out: Path | None, format: Format, reporter: Reporter) -> None:
    """Print, and write all files of --out."""
    from alexcli.render.evaluations import classes, errors
    from alexcli.render.figures import as_text

    parts = [(errors(found), ["results.json", "results.csv", "predictions.npz"])]
    if found.results[-1].per_class is not None:
        each = classes(found)
        parts.append((each, ["per_class.csv", *["confusion.png"] * bool(each.panels)]))
    printed = parts[:1] if format is Format.json else parts
    emit("\n".join(as_text(part, format) for part, _ in printed))
    if out is None:
        return
    hint = "choose another folder: --out DIR"
    for part, names in parts:
        keep(part, [out / name for name in names], reporter, f"--out {out}", hint)


def _protocol(ten_crop: bool, protocols: str | None, out: Path | None, probabilities: bool) -> str:
    """What --protocols means; UsageError for options that contradict each other."""
    if ten_crop and protocols == "center":
        raise UsageError.of("eval.contradiction")
    if probabilities and out is None:
        raise UsageError.of("eval.nowhere")
    if out is not None and (out.is_file() or out.suffix in (".csv", ".json", ".npz")):
        raise UsageError.of("eval.file", out=out, folder=out.with_suffix(""))
    return protocols or ("ten" if ten_crop else "center")
