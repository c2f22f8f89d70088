"""Reading the metrics of runs."""

from collections.abc import Sequence
from dataclasses import fields

from alexcli.config.mapping import flat, to_mapping
from alexcli.errors import UsageError
from alexcli.records.history import RunHistory
from alexcli.records.training import UnitsRow
from alexcli.reporter import Reporter
from alexcli.run.directory import RunDirectory


def read_history(run: RunDirectory) -> RunHistory:
    """The setting of a run and its metrics, without a line cut off when a process was killed.

    Raises:
        UsageError: the configuration or the metrics cannot be read.
    """
    rows = run.rows()
    if not rows:
        raise UsageError(f"{run.metrics} cannot be read: no whole line", hint="--run RUN")
    return RunHistory(
        label=run.path.resolve().parent.name,
        settings=flat(to_mapping(run.read_config())),
        rows=rows,
    )


def begun_runs(runs: Sequence[RunDirectory], reporter: Reporter) -> list[RunDirectory]:
    """The runs that have recorded a pass; the others are reported and left out.

    Args:
        runs: finished or not.
        reporter: receives the names of the runs that are left out.

    Raises:
        UsageError: there is none.
    """
    begun = [run for run in runs if run.metrics.exists() and run.metrics.stat().st_size]
    if not begun:
        reasons = [f"{run.path} {_reason_without_rows(run)}" for run in runs]
        hint = "repeat the train command of a run that was stopped, which resumes it"
        if all(run.is_imported for run in runs):
            hint = "name runs that were trained here: alexcli runs list"
        raise UsageError(f"there are no metrics: {'; '.join(reasons)}", hint=hint)
    for run in runs:
        if run not in begun:
            reporter.warn(f"{run.path} is left out: it {_reason_without_rows(run)}")
    return begun


def _reason_without_rows(run: RunDirectory) -> str:
    """Why a run has no metrics."""
    if run.is_imported:
        return "holds imported weights, which were not trained here"
    return "was stopped before its first epoch ended"


def read_units(run: RunDirectory) -> list[UnitsRow]:
    """The dead units and weights of a run after each epoch; none if it has not recorded them.

    Raises:
        UsageError: the file cannot be read.
    """
    names = [field.name for field in fields(UnitsRow)]
    return [UnitsRow(**{name: row[name] for name in names}) for row in run.unit_rows()]
