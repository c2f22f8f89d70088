"""What an HTML report says of studies and runs, in the form of analyses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexcli.analysis import curves
from alexcli.errors import UsageError
from alexcli.results import Analysis, StudyResult, Table
from alexcli.run.look import history
from alexcli.run.rundir import RunDirectory
from alexcli.schema import AnalyzeSpec


def of_study(study: StudyResult, typed: str = "") -> Analysis:
    """Curves of a study's arms with the band of their seeds, commands and machines.

    Raises:
        UsageError: none of its runs is finished.
    """
    if not any(arm.runs for arm in study.arms):
        raise UsageError.of("report.no_run", study=study)
    runs = [(arm.name, RunDirectory(Path(path))) for arm in study.arms for path in arm.runs]
    histories: list[curves.History] = [(name, {}, history(run)[2]) for name, run in runs]
    found = curves.run(AnalyzeSpec(), histories)
    commands = [
        f"alexcli ablate {study.name} {typed}".strip(),
        *(arm.command for arm in study.arms),
    ]
    return _told(found, f"{study.name}: {study.about}", commands, [run for _, run in runs])


def of_runs(runs: Sequence[RunDirectory]) -> Analysis:
    """Curves of runs, the keys on which they differ, commands and machines."""
    histories = [history(run) for run in runs]
    found = curves.run(AnalyzeSpec(), histories)
    settings = [setting for _, setting, _ in histories]
    rows = [
        [key, *(str(setting.get(key, "(absent)")) for setting in settings)]
        for key in dict.fromkeys(key for setting in settings for key in setting if key != "label")
        if len({str(setting.get(key)) for setting in settings}) > 1
    ]
    if rows:
        found.tables.append(Table("what differs", ["key", *(run.name for run in runs)], rows))
    commands = [str((run.result() or {}).get("command", "")) for run in runs]
    return _told(found, "runs", commands, runs)


def _told(
    found: Analysis, title: str, commands: Sequence[str], runs: Sequence[RunDirectory]
) -> Analysis:
    """With how to repeat it and where it ran, a line for each different machine and version."""
    machines: dict[str, list[Any]] = {}
    for run in runs:
        on = (run.result() or {}).get("on") or {}
        versions = ", ".join(f"{name} {v}" for name, v in on.get("packages", {}).items())
        revision = (on.get("git") or {}).get("revision", "installed")
        row = [", ".join(on.get("devices", [])), on.get("platform"), versions, revision]
        machines.setdefault(str(row), row)
    found.title = title
    found.tables.append(Table("to repeat it", ["command"], [[words] for words in commands]))
    columns = ["device", "platform", "versions", "revision"]
    found.tables.append(Table("where it ran", columns, list(machines.values())))
    return found
