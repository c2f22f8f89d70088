"""The content of a report on runs: their curves, how to repeat them, and where they ran."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli.analysis import curves
from alexcli.analysis.unit_history import over_training
from alexcli.config.diff import ABSENT
from alexcli.errors import AlexcliError, UsageError
from alexcli.records.analysis import Analysis
from alexcli.records.history import RunHistory
from alexcli.records.study import StudyResult
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.directory import RunDirectory
from alexcli.run.history import read_history, read_units
from alexcli.run.story import against_default, summary, title_of
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

if TYPE_CHECKING:  # torch, which takes seconds to import
    from alexcli.analysis.subject import Subject

IMAGES = 200
"""Validation images on which the net of a single run is analysed."""
SHORT_REVISION = 12
"""Digits of a revision; the run's result.json has all."""


def study_report(study: StudyResult, command: str) -> Analysis:
    """Curves of a study's arms, each with a band over its seeds; commands and machines.

    Runs that were taken from records have no curves, but a table of their own.

    Args:
        study: the result of its runs.
        command: repeats it.

    Raises:
        UsageError: none of its runs is finished.
    """
    if not any(arm.runs for arm in study.arms):
        raise UsageError(f"no run of {study.name} is finished", hint=f"alexcli ablate {study.name}")
    runs: list[RunDirectory] = []
    histories: list[RunHistory] = []
    for arm in study.arms:
        for path in arm.runs:
            run = RunDirectory(Path(path))
            if study.reused and not run.result_file.exists():
                continue
            runs.append(run)
            rows = read_history(run).rows
            histories.append(RunHistory(label=arm.name, settings={}, rows=rows))
    commands = [command, *(arm.command for arm in study.arms)]
    title = f"{study.name}: {study.about}"
    records = [_record_table(study)] if study.reused else []
    if not runs:
        return Analysis(title, [_command_table(commands), *records])
    analysis = _report(title, runs, histories, commands, study.threshold)
    bands = "Lines: means over seeds; bands: from the lowest to the highest seed."
    if study.reused:
        bands += " Runs that are taken from records have no curves."
    return replace(analysis, tables=[*analysis.tables, *records], caption=bands)


def runs_report(runs: Sequence[RunDirectory], reporter: Reporter) -> Analysis:
    """Curves of runs, the settings in which they differ, commands and machines.

    A report on one run also has its results, its settings beside the default ones, its filters,
    what it gets right and wrong, and its dead units and weights, at the end and over training.

    Args:
        runs: finished or not.
        reporter: receives notes on what is left out.

    Raises:
        UsageError: a run cannot be read.
    """
    histories = [read_history(run) for run in runs]
    commands = [str((run.result() or {}).get("command", "")) for run in runs]
    if len(runs) > 1:
        return _report(f"{len(runs):,} runs", runs, histories, commands)
    (run,) = runs
    (history,) = histories
    report = _report(title_of(run, history), runs, histories, commands)
    curves_table, *others = report.tables
    report.tables = [summary(run), curves_table, against_default(history), *others]
    report.caption = ""  # the curves' caption would be below the last panel
    return _with_net(_with_unit_history(report, run, reporter), run, reporter)


def _with_unit_history(report: Analysis, run: RunDirectory, reporter: Reporter) -> Analysis:
    """Add the dead units and weights of the run after each epoch, if they were recorded."""
    rows = read_units(run)
    if not rows:
        reporter.note(
            f"dead units and weights over training are left out: {run.path} has no "
            f"{run.units.name}, which newer runs record"
        )
        return report
    table, panels = over_training(rows)
    tables = _inserted(report.tables, [table]) if table.rows else report.tables
    return replace(report, tables=tables, panels=[*report.panels, *panels])


def _inserted(tables: Sequence[Table], new: Sequence[Table]) -> list[Table]:
    """The tables of one run, with new ones before its settings."""
    return [*tables[:2], *new, *tables[2:]]


def _with_net(report: Analysis, run: RunDirectory, reporter: Reporter) -> Analysis:
    """Add filters, right and wrong predictions, dead units and weights, if they can be computed."""
    from alexcli.analysis import examples, filters, units  # torch, which takes seconds to import
    from alexcli.run.subject import subject_of
    from alexcli.run.trained import load

    reporter.busy("filters, examples, units that never fire")
    spec = AnalyzeSpec(count=IMAGES)
    analyses_of_net: list[Analysis] = []
    try:
        subject = subject_of(load(run, run.last), spec, NullReporter())
    except AlexcliError as error:
        reporter.warn(f"what the net shows is left out: {error.message}")
        return report
    analyses: dict[str, Callable[[Subject], Analysis]] = {
        # Without selectivity: its test imports SciPy, which takes as long as the rest.
        "filters": lambda subject: Analysis("", [], filters.image_kernels(subject, None).panels()),
        "examples": examples.run,
        "dead units and weights": units.run,
    }
    for name, analyse in analyses.items():
        try:
            analyses_of_net.append(analyse(subject))
        except AlexcliError as error:
            reporter.warn(f"{name} are left out: {error.message}")
    curves_panel, *others = report.panels
    *first, last = analyses_of_net or [Analysis("", [])]
    return replace(
        report,
        tables=_inserted(
            report.tables, [table for part in analyses_of_net for table in part.tables[:1]]
        ),
        panels=[
            curves_panel,
            *(panel for part in first for panel in part.panels),
            *others,
            *last.panels,
        ],
    )


def _report(
    title: str,
    runs: Sequence[RunDirectory],
    histories: Sequence[RunHistory],
    commands: Sequence[str],
    threshold: float | None = None,
) -> Analysis:
    """Curves of runs under a title, with the tables that explain them.

    Args:
        title: of the section.
        runs: the runs.
        histories: of the runs, in the same order.
        commands: what repeats them.
        threshold: of the error, if it matters when it is reached.
    """
    analysis = curves.run(AnalyzeSpec(threshold=threshold), histories)
    tables = [
        *analysis.tables,
        *_difference_tables(runs, histories),
        _command_table(commands),
        _machine_table(runs),
    ]
    return replace(analysis, title=title, tables=tables)


def _command_table(commands: Sequence[str]) -> Table:
    return Table.from_records("to repeat it", [{"command": command} for command in commands])


def _record_table(study: StudyResult) -> Table:
    """The recorded studies from which runs were taken, with their commands and machines."""
    rows: list[dict[str, Any]] = []
    for record in study.reused:
        devices = record.on.get("devices")
        device = ", ".join(map(str, devices)) if isinstance(devices, list) else ""
        rows.append(
            {
                "record": record.file,
                "runs": record.runs,
                "command": record.command,
                "device": device,
                "time": str(record.on.get("time", "")),
            }
        )
    return Table.from_records("taken from records", rows)


def _difference_tables(
    runs: Sequence[RunDirectory], histories: Sequence[RunHistory]
) -> list[Table]:
    """The settings in which runs differ, a column for each run; no table if they are alike."""
    settings = [history.settings for history in histories]
    keys = dict.fromkeys(key for values in settings for key in values if key != "label")
    differing = [key for key in keys if len({str(values.get(key)) for values in settings}) > 1]
    if not differing:
        return []
    rows = [[key, *(str(values.get(key, ABSENT)) for values in settings)] for key in differing]
    # By position, because two runs of different folders may have the same name.
    return [Table("what differs", ["key", *(run.name for run in runs)], rows)]


def _machine_table(runs: Sequence[RunDirectory]) -> Table:
    """The machines and versions on which runs were trained, a column for each distinct one."""
    machines: list[dict[str, Any]] = []
    for run in runs:
        environment = (run.result() or {}).get("on") or {}
        packages = environment.get("packages", {}).items()
        revision = str((environment.get("git") or {}).get("revision", "installed"))
        machine = {
            "device": ", ".join(environment.get("devices", [])),
            "platform": environment.get("platform"),
            "versions": ", ".join(f"{name} {version}" for name, version in packages),
            "revision": revision[:SHORT_REVISION],
        }
        if machine not in machines:
            machines.append(machine)
    names = ["value"] if len(machines) == 1 else [f"machine {n + 1}" for n in range(len(machines))]
    rows = [[quantity, *(machine[quantity] for machine in machines)] for quantity in machines[0]]
    return Table("where it ran", ["quantity", *names], rows)
