"""alexcli bench."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, command, emit, examples
from alexcli.render.tables import Format, render
from alexcli.results import Measured, Table

bench = typer.Typer(
    help="Measure speed: ours beside a rival, alternated in one run.",
    no_args_is_help=True,
    epilog=examples("alexcli bench step --extrapolate", "alexcli bench lrn --format json"),
)

Rounds = Annotated[int, typer.Option(min=1, help="Alternations; medians are of these.")]
Batch = Annotated[int, typer.Option(min=1, help="Pictures at a time.")]
Out = Annotated[Path | None, typer.Option(help="Also write figures, command and machine as JSON.")]


@command(bench)
def data(
    source: Annotated[
        Path | None,
        typer.Argument(help="A folder of photographs; none draws some.", show_default=False),
    ] = None,
    rounds: Rounds = 5,
    out: Out = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Pictures per second of a prepared store, beside torchvision's ImageFolder pipeline.

    Examples:
        alexcli bench data
        alexcli bench data DIR --rounds 9 --format json
    """
    from alexcli.bench.data import run

    spec, reporter = _paper_net()
    finish(run(source, spec, rounds, reporter), "data", out, format)


@command(bench)
def lrn(
    rounds: Rounds = 5,
    out: Out = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """The response norm beside torch's own, forward and backward, in both layers' shapes.

    Examples:
        alexcli bench lrn
        alexcli bench lrn --out results/lrn.json
    """
    from alexcli.bench.lrn import run

    finish(run(128, rounds, _paper_net()[1]), "lrn", out, format)


@command(bench)
def step(
    batch: Batch = 128,
    rounds: Rounds = 3,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Also say how long 90 epochs of ImageNet take.")
    ] = False,
    out: Out = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Training and inference beside plain ports and torchvision, each in its best setting.

    Examples:
        alexcli bench step
        alexcli bench step --batch 32 --extrapolate
    """
    from alexcli.bench.step import run

    spec, reporter = _paper_net()
    finish(run(spec, batch, rounds, reporter, extrapolate=extrapolate), "step", out, format)


@command(bench)
def eval(  # noqa: A001
    rounds: Rounds = 5,
    out: Out = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Forward passes of ten crops beside those of the centre crop.

    Examples:
        alexcli bench eval
        alexcli bench eval --format json
    """
    from alexcli.bench.eval import run

    spec, reporter = _paper_net()
    finish(run(spec, 64, rounds, reporter), "eval", out, format)


def _paper_net() -> tuple[Any, Any]:
    """The paper's net on pictures of 256 pixels, and a reporter."""
    from alexcli.config import compose
    from alexcli.render.progress import make_reporter
    from alexcli.schema import TrainSpec

    return compose(["data=folder", "model=alexnet"], TrainSpec), make_reporter()


def finish(found: list[Measured], what: str, out: Path | None, format: Format) -> None:  # noqa: A002
    """Print the figures, and write them where asked."""
    rows = [asdict(one) for one in found]
    if out is not None:
        from alexcli.bench.harness import write

        write(out, rows, " ".join(["alexcli", *sys.argv[1:]]))
    emit(render(_table(found, what), format, rows))


def _table(found: list[Measured], what: str) -> Table:
    columns = {"measurement": "name", "ours": "value", "unit": "unit", "against": "against"}
    columns |= {"ratio": "ratio_median", "from": "ratio_min", "to": "ratio_max", "n": "n"}
    rows: list[list[Any]] = [[getattr(one, key) for key in columns.values()] for one in found]
    note = "ratio: median over alternations, above 1 is faster than the rival in the same round"
    return Table(f"bench {what}", list(columns), rows, note=note)
