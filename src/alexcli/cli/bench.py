"""alexcli bench."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alexcli.cli.command import command, group
from alexcli.cli.options import MOST, FormatOption, OptionalPositive, Positive
from alexcli.cli.output import emit
from alexcli.files import write_atomic, writing
from alexcli.records.benchmark import BenchResult
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.tables import Table

if TYPE_CHECKING:
    from alexcli.reporter import Reporter
    from alexcli.schema import TrainSpec

bench = group(
    "Measure speed against a baseline, interleaved in one run.",
    "alexcli bench step --extrapolate",
    "alexcli bench lrn --format json",
)

Out = Annotated[
    Path | None, typer.Option(help="Also write measurements, command and machine as JSON.")
]
Rounds = Annotated[
    int, typer.Option(min=1, max=MOST, help="Interleaved measurements, whose median is shown.")
]
NOTE = "ratio: median over rounds; above 1 is better than the baseline in the same round"


@command(bench)
def data(
    source: Path | None = None,
    *,
    rounds: Rounds = 5,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Images per second of a prepared store, against torchvision's ImageFolder pipeline.

    Args:
        source (DIR): Folder of photographs; default: synthetic images.

    Examples:
        alexcli bench data
        alexcli bench data DIR --rounds 9 --format json
    """
    from alexcli.bench.data import run

    with _measuring() as reporter:
        results = run(source, _paper_net(), rounds, reporter)
    _show("data", results, out, format)


@command(bench)
def prepare(
    source: Path | None = None,
    *,
    rounds: Rounds = 5,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Images per second of `alexcli data prepare`, against decoding and resizing alone.

    Args:
        source (DIR): Folder of photographs; default: synthetic images.

    Examples:
        alexcli bench prepare DIR
        alexcli bench prepare DIR --out prepare.json
    """
    from alexcli.bench.prepare import run

    with _measuring() as reporter:
        results = run(source, rounds, reporter)
    _show("prepare", results, out, format)


@command(bench)
def lrn(*, rounds: Rounds = 5, out: Out = None, format: FormatOption = Format.table) -> None:
    """The response norm against torch's own, forward and backward, in both layers' shapes.

    Examples:
        alexcli bench lrn
        alexcli bench lrn --out results/lrn.json
    """
    from alexcli.bench.lrn import run

    with _measuring() as reporter:
        results = run(128, rounds, reporter)
    _show("lrn", results, out, format)


@command(bench)
def step(
    *,
    batch: OptionalPositive = None,
    rounds: OptionalPositive = None,
    quick: bool = False,
    extrapolate: bool = False,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Training and inference against plain ports and torchvision, each in its best setting.

    Each measurement is shown as soon as it is known, and the whole table at the end.

    Args:
        batch: Batch size; default: 64, or 8 with --quick.
        rounds: Interleaved measurements, whose median is shown; default: 3, or 1 with --quick.
        quick: Rough numbers within two minutes: small batches, no compiled baseline.
        extrapolate: Also say how long 90 epochs of ImageNet take.

    Examples:
        alexcli bench step
        alexcli bench step --quick
        alexcli bench step --batch 32 --extrapolate
    """
    from alexcli.bench import step

    batch = batch or (step.QUICK_BATCH if quick else step.BATCH)
    rounds = rounds or (step.QUICK_ROUNDS if quick else step.ROUNDS)
    remark = step.quick_note(batch, rounds) if quick else ""
    with _measuring() as reporter:
        if remark:
            reporter.note(remark)
        results = step.run(
            _paper_net(), batch, rounds, reporter, extrapolate=extrapolate, quick=quick
        )
    _show("step", results, out, format, remark)


@command(bench)
def small(*, rounds: Rounds = 5, out: Out = None, format: FormatOption = Format.table) -> None:
    """Training small nets against a plain PyTorch loop of the same nets.

    Measures whole steps of `alexcli train` for the quick start's net and three CIFAR-10 nets,
    including loading and augmentation, which both loops share. Each measurement is shown as soon as
    it is known.

    Examples:
        alexcli bench small
        alexcli bench small --rounds 9 --format json
    """
    from alexcli.bench.small import run

    with _measuring() as reporter:
        results = run(rounds, reporter)
    _show("small", results, out, format)


@command(bench)
def eval(*, rounds: Rounds = 5, out: Out = None, format: FormatOption = Format.table) -> None:
    """Forward passes of ten crops against those of the centre crop.

    Examples:
        alexcli bench eval
        alexcli bench eval --format json
    """
    from alexcli.bench.eval import run

    with _measuring() as reporter:
        results = run(_paper_net(), 64, rounds, reporter)
    _show("eval", results, out, format)


@command(bench)
def loop(*, rounds: Rounds = 5, out: Out = None, format: FormatOption = Format.table) -> None:
    """Lightning's loop against a bare one over the same step, and the peak memory of a step.

    Examples:
        alexcli bench loop
        alexcli bench loop --out results/speed/loop.json
    """
    from alexcli.bench.loop import run

    with _measuring() as reporter:
        results = run(_paper_net(), rounds, reporter)
    _show("loop", results, out, format)


@command(bench)
def profile(
    *,
    batch: Positive = 64,
    rounds: Rounds = 7,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Where the time of a step in float32 goes, compared with torchvision's net.

    Args:
        batch: Batch size.

    Examples:
        alexcli bench profile
        alexcli bench profile --batch 16 --format json
    """
    from alexcli.bench.profile import run

    with _measuring() as reporter:
        rows = run(_paper_net(), batch, rounds, reporter)
    _save(rows, out)
    parts = [
        {
            "net": row["net"],
            "pass": row["pass"],
            "part": part,
            "ms": milliseconds,
            "of the pass": milliseconds / sum(row["ms"].values()),
        }
        for row in rows
        for part, milliseconds in row["ms"].items()
    ]
    emit(render(Table.from_records("bench profile", parts), format, rows))


@command(bench)
def placement(
    *,
    batch: Positive = 32,
    rounds: Rounds = 12,
    out: Out = None,
    format: FormatOption = Format.table,
) -> None:
    """Two towers on one device against a grouped net, and in two processes against one.

    Args:
        batch: Batch size.

    Examples:
        alexcli bench placement
        alexcli bench placement --batch 8 --rounds 5
    """
    from alexcli.bench.placement import run

    with _measuring() as reporter:
        results = run(batch, rounds, reporter)
    _show("placement", results, out, format)


@command(bench)
def first_run(
    package: str | None = None, *, out: Out = None, format: FormatOption = Format.table
) -> None:
    """Seconds to the first result as on a fresh machine: install, first epoch, whole training.

    Installs with pip, without its cache, into a new environment in the temporary folder ($TMPDIR),
    and runs `alexcli train` there with an empty cache. This takes gigabytes and minutes.

    Args:
        package (PACKAGE): What to install, as for pip install; default: this checkout if there is
            one, else alexcli.

    Examples:
        alexcli bench first-run
        alexcli bench first-run . --out results/speed/first_run.json
    """
    from alexcli.bench.first_run import default_package, run

    with _measuring() as reporter:
        measured = run(package or default_package(), reporter)
    _show("first-run", measured.results, out, format, installed=measured.installed)


@contextmanager
def _measuring() -> Iterator["Reporter"]:
    """Allocate memory as `train` does, and show progress until the measurement ends."""
    from alexcli.malloc import reuse_freed_memory

    reuse_freed_memory()
    reporter = make_reporter()
    try:
        yield reporter
    finally:
        reporter.close()


def _paper_net() -> "TrainSpec":
    """The paper's net on images of 256 pixels, on the CPU, which every benchmark measures."""
    from alexcli.config.compose import compose
    from alexcli.schema import TrainSpec

    return compose(["data=folder", "model=alexnet", "trainer.accelerator=cpu"], TrainSpec)


@command(bench)
def recorded(
    folder: Path, names: list[str] | None = None, *, format: FormatOption = Format.table
) -> None:
    """Show the measurements that `--out` wrote into a folder as one table.

    Args:
        folder (DIR): The folder.
        names (NAME): Only these measurements, or all below a name.

    Examples:
        alexcli bench recorded results/speed
        alexcli bench recorded results/speed step/train small --format md
    """
    from alexcli.bench.recorded import recorded_table

    table = recorded_table(folder, names or [])
    emit(render(table, format))


def _show(
    name: str,
    results: Sequence[BenchResult],
    out: Path | None,
    format: Format,
    remark: str = "",
    **facts: Any,
) -> None:
    """Print figures, and write them where `--out` says.

    Args:
        name: of the benchmark.
        results: the figures.
        out: file of `--out`.
        format: of the figures on stdout.
        remark: what else the table says of its figures.
        facts: what else the file says of them.
    """
    records = [asdict(result) for result in results]
    _save(records, out, **facts)
    rows = [
        {
            "measurement": result.name,
            "ours": result.value,
            "unit": result.unit,
            "against": result.against,
            "ratio": result.ratio_median,
            "from": result.ratio_min,
            "to": result.ratio_max,
            "n": result.n,
        }
        for result in results
    ]
    has_ratios = any(result.against for result in results)
    note = "; ".join(filter(None, (NOTE if has_ratios else "", remark)))
    emit(render(Table.from_records(f"bench {name}", rows, note), format, records))


def _save(records: Sequence[dict[str, Any]], out: Path | None, **facts: Any) -> None:
    """Write figures with the command and the machine."""
    if out is None:
        return
    from alexcli.bench.harness import record

    content = {**record(records, " ".join(["alexcli", *sys.argv[1:]])), **facts}
    with writing(f"--out {out}", hint="choose another file"):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, json.dumps(content, indent=1) + "\n")
