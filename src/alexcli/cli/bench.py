"""alexcli bench."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, Positive, command, emit, group
from alexcli.errors import written
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.results import Table

bench = group(
    "Measure speed: ours beside a rival, alternated in one run.",
    "alexcli bench step --extrapolate",
    "alexcli bench lrn --format json",
)

Out = Annotated[Path | None, typer.Option(help="Also write figures, command and machine as JSON.")]
Rounds = Annotated[int, typer.Option(min=1, help="Alternations; medians are of these.")]


@command(bench)
def data(
    source: Path | None = None,
    *,
    rounds: Rounds = 5,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Pictures per second of a prepared store, beside torchvision's ImageFolder pipeline.

    Args:
        source: A folder of photographs; none draws some.

    Examples:
        alexcli bench data
        alexcli bench data DIR --rounds 9 --format json
    """
    from alexcli.bench.data import run

    _measure(run, out, format, source, _paper_net(), rounds)


@command(bench)
def lrn(*, rounds: Rounds = 5, out: Out = None, format: FormatOption = Format.table) -> None:
    """The response norm beside torch's own, forward and backward, in both layers' shapes.

    Examples:
        alexcli bench lrn
        alexcli bench lrn --out results/lrn.json
    """
    from alexcli.bench.lrn import run

    _measure(run, out, format, 128, rounds)


@command(bench)
def step(
    *,
    batch: Positive = 128,
    rounds: Rounds = 3,
    extrapolate: bool = False,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Training and inference beside plain ports and torchvision, each in its best setting.

    Args:
        batch: Pictures at a time.
        extrapolate: Also say how long 90 epochs of ImageNet take.

    Examples:
        alexcli bench step
        alexcli bench step --batch 32 --extrapolate
    """
    from alexcli.bench.step import run

    _measure(run, out, format, _paper_net(), batch, rounds, extrapolate=extrapolate)


@command(bench)
def eval(*, rounds: Rounds = 5, out: Out = None, format: FormatOption = Format.table) -> None:
    """Forward passes of ten crops beside those of the centre crop.

    Examples:
        alexcli bench eval
        alexcli bench eval --format json
    """
    from alexcli.bench.eval import run

    _measure(run, out, format, _paper_net(), 64, rounds)


def _paper_net() -> Any:
    """The paper's net on pictures of 256 pixels."""
    from alexcli.config import compose
    from alexcli.schema import TrainSpec

    return compose(["data=folder", "model=alexnet"], TrainSpec)


def _measure(run: Any, out: Path | None, format: Format, *asked: Any, **flags: bool) -> None:
    """Call the `run` of a benchmark, print its figures, and write them where asked."""
    from alexcli.bench.harness import record
    from alexcli.memory import reuse_memory

    reuse_memory()
    reporter = make_reporter()
    data = [asdict(one) for one in run(*asked, reporter, **flags)]
    reporter.close()
    columns = {"measurement": "name", "ours": "value", "unit": "unit", "against": "against"}
    columns |= {"ratio": "ratio_median", "from": "ratio_min", "to": "ratio_max", "n": "n"}
    rows = [{column: one[key] for column, key in columns.items()} for one in data]
    note = "ratio: median over alternations, above 1 is faster than the rival in the same round"
    if out is not None:
        text = json.dumps(record(data, " ".join(["alexcli", *sys.argv[1:]])), indent=1) + "\n"
        with written(f"--out {out}", hint="choose another file"):
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(text, encoding="utf-8")
    title = f"bench {run.__module__.rpartition('.')[2]}"
    emit(render(Table.of(title, rows, note), format, data))
