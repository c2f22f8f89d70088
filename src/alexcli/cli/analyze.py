"""alexcli analyze."""

from pathlib import Path
from typing import Annotated

import typer

from alexcli.analysis.registry import ANALYSES, summary
from alexcli.cli.arguments import one_of
from alexcli.cli.completion import analyses
from alexcli.cli.options import ConfOption, FormatOption, Overrides, Runs
from alexcli.cli.output import emit, save_outputs, show
from alexcli.cli.results import read_results
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.run_files import DEFAULT_RUNS
from alexcli.tables import Table

HELP = "help"
"""Stands for a name, and explains all names."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help=f"One of: {', '.join(ANALYSES)}; {HELP} explains them.",
        autocompletion=analyses,
    ),
]


def analyze(
    name: Name,
    overrides: Overrides = None,
    *,
    run: list[str] | None = None,
    out: Path | None = None,
    results: Path | None = None,
    check: bool = False,
    runs: Runs = DEFAULT_RUNS,
    conf: ConfOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Look inside a net.

    Args:
        run (RUN_OR_CKPT): Net to analyze; default: the newest finished run.
        out (DIR): Also write the figure, and the numbers as json and csv.
        results (DIR): For tables: the folder that `eval --out` wrote, or one above it.
        check: For params: also count with other programs.

    Examples:
        alexcli analyze help
        alexcli analyze params model=merged --format md
        alexcli analyze filters --out figures
        alexcli analyze neighbors images=DIR nearest=6 --run 'runs/quickstart/s0-*' --out figures
        alexcli analyze tables --results results
    """
    if one_of("analysis", name, [*ANALYSES, HELP], f"alexcli analyze {HELP}") == HELP:
        _check_help(overrides or [])
        emit(_help(format))
        return
    if results is not None:
        _check_results(name, results)
    if check and name != "params":
        raise UsageError("--check belongs to params", hint="alexcli analyze params --check")
    from alexcli.run.analyze import analyze, check_run_names

    check_run_names(name, run or [], runs)  # before torch is imported
    _check_images(overrides or [])
    from alexcli.config.user_conf import use_conf_dir
    from alexcli.render.output import files_of

    use_conf_dir(conf)
    files = sorted(results.rglob("results.json")) if results else []
    reporter = make_reporter()
    analysis = analyze(
        name,
        overrides or [],
        run or [],
        runs,
        reporter,
        evaluations=[row for file in files for row in read_results(file)],
        check=check,
    )
    if out is not None:
        paths = files_of(analysis, out, name)
        save_outputs(analysis, paths, reporter, f"--out {out}", hint="choose another folder")
    show(analysis, format, reporter, "--out DIR")


def _check_images(overrides: list[str]) -> None:
    """UsageError where `images=PATH` names nothing; without the key nothing is imported."""
    if any(word.startswith("images=") for word in overrides):
        from alexcli.run.early import check_images_key

        check_images_key(overrides)


def _check_help(overrides: list[str]) -> None:
    """UsageError for words after `help`, which explains all analyses."""
    if overrides:
        raise UsageError(
            f"{HELP} explains every analysis and takes no arguments: {', '.join(overrides)}",
            hint=f"alexcli analyze {HELP}",
        )


def _check_results(name: str, results: Path) -> None:
    """UsageError if --results is not a folder, or stands with an analysis that does not read it."""
    if not results.is_dir():
        raise UsageError(f"--results {results} is not a folder", hint="alexcli eval RUN --out DIR")
    if name != "tables":
        raise UsageError("--results belongs to tables", hint="alexcli analyze tables --results DIR")


def _help(format: Format) -> str:
    """All analyses with what they show, without importing them."""
    summaries = {name: summary(name) for name in ANALYSES}
    rows = [{"name": name, "what it shows": line} for name, line in summaries.items()]
    return render(Table.from_records("analyses", rows), format, data=summaries)
