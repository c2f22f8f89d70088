"""alexcli eval."""

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, emit, guarded
from alexcli.render.tables import Format, percent, render
from alexcli.results import EvalResult, Table


class Split(Enum):
    """Which held-out pictures."""

    val = "val"
    test = "test"


@guarded
def evaluate(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN_OR_CKPT|KEY=VALUE",
            help="Runs or checkpoints (none: the newest finished run), and data.*, eval.*, "
            "placement.* or trainer.* keys.",
            show_default=False,
        ),
    ] = None,
    ten_crop: Annotated[
        bool, typer.Option("--ten-crop", help="Average the softmax of ten views (section 4.1).")
    ] = False,
    split: Annotated[Split, typer.Option(help="Which held-out pictures.")] = Split.val,
    runs: Annotated[Path, typer.Option(help="Where the newest run is looked for.")] = Path("runs"),
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Top-1 and top-5 error of trained nets, with the protocol beside the numbers."""
    names = [w for w in what or [] if "=" not in w or Path(w).exists()]
    overrides = [w for w in what or [] if w not in names]
    from alexcli.render.progress import make_reporter
    from alexcli.run.evaluate import evaluate as run_evaluate
    from alexcli.run.evaluate import placed_spec
    from alexcli.run.processes import launched, speaks
    from alexcli.run.rundir import locate, newest

    chosen = [locate(name) for name in names]
    if not names:
        run = newest(runs)
        chosen = [(run, run.last)]
    reporter = make_reporter()
    words = [*names, *overrides, "--split", split.value, *(["--ten-crop"] if ten_crop else [])]
    words += ["--runs", str(runs), "--format", format.value]
    if launched(placed_spec(chosen[0][0], overrides), ["eval", *words]):
        return
    found = [
        run_evaluate(run, path, reporter, split=split.value, ten_crop=ten_crop, overrides=overrides)
        for run, path in chosen
    ]
    if not speaks():
        return
    table = _numbers(found) if format is Format.csv else _table(found)
    emit(render(table, format, [asdict(one) for one in found]))


def _numbers(found: list[EvalResult]) -> Table:
    """For machines: errors as fractions."""
    columns = ["name", "split", "top1_err", "top1_low", "top1_high", "top5_err", "loss", "n"]
    columns += ["resize", "crop", "views", "checkpoint", "data"]
    rows: list[list[Any]] = []
    for one in found:
        bounds = one.interval["top1_err"]
        assert bounds is not None
        errors = [one.top1_err, bounds.low, bounds.high, one.top5_err, one.loss, one.n]
        protocol = [one.protocol[key] for key in ("resize", "crop", "views")]
        rows.append([one.name, one.split, *errors, *protocol, one.checkpoint, one.data])
    return Table("evaluation", columns, rows)


def _table(found: list[EvalResult]) -> Table:
    rows: list[list[Any]] = []
    for one in found:
        protocol = one.protocol
        bounds = one.interval["top1_err"]
        assert bounds is not None
        rows.append(
            [
                one.name,
                one.split,
                percent(one.top1_err),
                f"{percent(bounds.low)} to {percent(bounds.high)}",
                percent(one.top5_err),
                round(one.loss, 4),
                one.n,
                f"{protocol['views']} x {protocol['crop']} px",
            ]
        )
    columns = ["run", "split", "top-1 error", "95% interval", "top-5 error", "loss", "n", "views"]
    notes = {one.note for one in found if one.note} | {f"resize: {found[0].protocol['resize']}"}
    return Table("evaluation", columns, rows, note="; ".join(sorted(notes)))
