"""alexcli runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from alexcli.cli.command import command, group
from alexcli.cli.options import FormatOption
from alexcli.cli.output import emit
from alexcli.errors import UsageError, plural
from alexcli.render.progress import close_reporters, duration, make_reporter
from alexcli.render.tables import Format, percent, render
from alexcli.run_files import DEFAULT_RUNS
from alexcli.tables import Table

if TYPE_CHECKING:  # torch and yaml would slow down every --help
    from alexcli.records.run_summary import RunSummary

MEGABYTE = 1e6

runs = group(
    "List, compare and remove runs.",
    "alexcli runs list",
    "alexcli runs compare 'runs/quickstart/s0-*' 'runs/quickstart/s1-*'",
)


@command(runs)
def list_(
    names: list[str] | None = None,
    *,
    sort: Literal["name", "error", "time"] = "name",
    state: Literal["finished", "stopped", "training", "damaged"] | None = None,
    runs: Path = DEFAULT_RUNS,
    format: FormatOption = Format.table,
) -> None:
    """List runs: model, data, epochs, errors, time and state.

    Args:
        names (LABEL|RUN): Only these runs; wildcards are allowed.
        sort: By name, by error (test error where it is known, best first) or by training time.
        state: Only runs in this state.
        runs (DIR): The directory of all runs.

    Examples:
        alexcli runs list
        alexcli runs list 'quickstart*' --sort error
        alexcli runs list --state stopped
    """
    from alexcli.run.listing import find_runs, summarize

    summaries = [summarize(run) for run in find_runs(runs, names or [])]
    summaries = [summary for summary in summaries if state in (None, summary.state)]
    if sort == "error":
        summaries.sort(key=_error)
    elif sort == "time":
        summaries.sort(key=lambda summary: summary.seconds or 0.0)
    emit(render(_table(summaries), format, [asdict(summary) for summary in summaries]))


def _error(summary: "RunSummary") -> float:
    """The error by which runs are sorted; runs without one come last."""
    errors = [error for error in (summary.test_err, summary.val_err) if error is not None]
    return errors[0] if errors else float("inf")


def _table(summaries: "Sequence[RunSummary]") -> Table:
    rows = [_for_people(summary) for summary in summaries]
    columns = ["run", "model", "data", "epochs", "val error", "test error", "time", "MB", "state"]
    exact = Table.from_records(
        "runs", [asdict(summary) for summary in summaries], columns=_fields()
    )
    total = sum(summary.bytes for summary in summaries) / MEGABYTE
    note = (
        f"{plural(len(summaries), 'run')}, {total:,.0f} MB; stopped: its train command resumes it"
    )
    return Table.from_records("runs", rows, note, columns=columns, exact=exact)


def _for_people(summary: "RunSummary") -> dict[str, Any]:
    """A run in the words and units of people."""
    return {
        "run": summary.name,
        "model": summary.model,
        "data": summary.data,
        "epochs": summary.epochs or None,
        "val error": percent(summary.val_err),
        "test error": percent(summary.test_err),
        "time": "-" if summary.seconds is None else duration(summary.seconds),
        "MB": round(summary.bytes / MEGABYTE, 1),
        "state": summary.state,
    }


def _fields() -> list[str]:
    """The columns of csv, which are those of json."""
    from dataclasses import fields

    from alexcli.records.run_summary import RunSummary

    return [field.name for field in fields(RunSummary)]


@command(runs)
def compare(
    a: str, b: str, *, runs: Path = DEFAULT_RUNS, format: FormatOption = Format.table
) -> None:
    """Show two runs side by side: their results and the differences in their configurations.

    Args:
        a (RUN): A run.
        b (RUN): Another run.
        runs (DIR): The directory of all runs.

    Examples:
        alexcli runs compare 'quickstart/s0-*' 'quickstart/s1-*'
    """
    from alexcli.config.diff import describe_values, differences
    from alexcli.run.find import check_runs_folder, find_run
    from alexcli.run.listing import summarize

    check_runs_folder(runs)
    left = find_run(a, runs)
    right = find_run(b, runs)
    if left.path == right.path:
        raise UsageError(f"{a} and {b} are one run, {left.name}", hint="alexcli runs list")
    summaries = [summarize(run) for run in (left, right)]
    shown = [_for_people(summary) | {"seed": summary.seed} for summary in summaries]
    settings = [describe_values(run.read_config()) for run in (left, right)]
    changed = [
        [row.key, row.left, row.right]
        for row in differences(*settings)
        if row.key not in ("label", "seed")
    ]
    columns = ["key", left.name, right.name]
    rows = [*_side_by_side(*map(asdict, summaries)), *changed]
    exact = Table("two runs", columns, rows)
    table = Table("two runs", columns, [*_side_by_side(*shown), *changed], exact=exact)
    data = [dict(zip(("key", "a", "b"), row, strict=True)) for row in rows]
    emit(render(table, format, data))


def _side_by_side(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[list[Any]]:
    """A row for each entry of two runs: what it is, and both values; their names are columns."""
    names = ("run", "name", "path")
    return [[key, value, right[key]] for key, value in left.items() if key not in names]


@command(runs)
def remove(names: list[str], *, yes: bool = False, runs: Path = DEFAULT_RUNS) -> None:
    """Remove runs after asking for confirmation; files that alexcli did not write are kept.

    Args:
        names (LABEL|RUN): Runs to remove; wildcards are allowed.
        yes: Do not ask for confirmation.
        runs (DIR): The directory of all runs.

    Examples:
        alexcli runs remove 'quickstart/s3-*'
    """
    from alexcli.run.listing import find_runs, started_from
    from alexcli.run.listing import remove as remove_run

    matches = find_runs(runs, names)
    reporter = make_reporter()
    for run in matches:
        reporter.note(str(run.path))
        for other in started_from(run, runs):
            reporter.warn(f"{other.path} started from the weights of {run.path}")
    if not yes:
        close_reporters()
        _confirm(f"Remove {plural(len(matches), 'run')}?")
    for run in matches:
        for file in remove_run(run):
            reporter.warn(f"{file} was not written by alexcli, and was kept")
    emit(f"removed {plural(len(matches), 'run')}\n")


def _confirm(question: str) -> None:
    """Go on if the answer is yes; else exit with 1, or UsageError where nobody can answer."""
    try:
        is_agreed = typer.confirm(question, err=True)
    except typer.Abort:
        typer.echo(err=True)  # ends the line of the question
        raise UsageError(
            "nobody answered, and nothing was removed", hint="--yes removes without asking"
        ) from None
    if not is_agreed:
        typer.echo("nothing was removed", err=True)
        raise typer.Exit(1)
