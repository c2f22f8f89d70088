"""What an HTML report says of studies and runs."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexcli.config import flat, to_mapping
from alexcli.results import Curve, Section, StudyResult, Table
from alexcli.run.rundir import RunDirectory


def study_section(study: StudyResult) -> Section:
    """Curves of a study's arms, commands and machine; the table is drawn from the study."""
    runs = {arm.name: [RunDirectory(Path(path)) for path in arm.runs] for arm in study.arms}
    commands = [f"alexcli ablate {study.name}", *(arm.command for arm in study.arms)]
    known = [run for found in runs.values() for run in found]
    return Section(study.name, study.about, _curves(runs), _machine(known), commands)


def runs_section(runs: Sequence[RunDirectory]) -> Section:
    """Finished runs side by side.

    Raises:
        UsageError: a run that is not finished.
    """
    named = {f"{run.path.parent.name}/{run.path.name}": [run] for run in runs}
    commands = [str((run.result() or {}).get("command", "")) for run in runs]
    about = "validation and training error of each run"
    return Section("runs", about, _curves(named), _machine(runs), commands, _differences(runs))


def _curves(runs: dict[str, list[RunDirectory]]) -> list[Curve]:
    """Error after each epoch, a curve for each name and split; the band is that of the seeds."""
    curves = []
    for name, found in runs.items():
        by_split: dict[str, dict[int, list[float]]] = {"val": {}, "train": {}}
        for run in found:
            for row in map(json.loads, run.metrics.read_text(encoding="utf-8").splitlines()):
                if row["split"] in by_split:
                    by_split[row["split"]].setdefault(row["epoch"], []).append(row["top1_err"])
        for split, points in by_split.items():
            values = list(points.values())
            mean, low, high = ([f(v) for v in values] for f in (statistics.fmean, min, max))
            curves.append(Curve(name, split, list(points), mean, low, high))
    return [curve for curve in curves if curve.epochs]


def _machine(runs: Sequence[RunDirectory]) -> Table:
    """Where the runs were made, a line for each different machine, revision and set of versions."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        on = (run.result() or {}).get("on", {})
        found.setdefault(json.dumps({k: v for k, v in on.items() if k != "time"}), on)
    rows = [
        [
            ", ".join(on.get("devices", [])) or "unknown",
            on.get("platform"),
            f"Python {on.get('python')}, "
            + ", ".join(f"{name} {v}" for name, v in on.get("packages", {}).items()),
            (on.get("git") or {}).get("revision", "installed"),
        ]
        for on in found.values()
    ]
    return Table("machine", ["device", "platform", "versions", "revision"], rows)


def _differences(runs: Sequence[RunDirectory]) -> list[Table]:
    """The results, and every key on which the configurations differ."""
    results = [run.result() or {} for run in runs]
    names = [result["name"] for result in results]
    rows = []
    for result in results:
        last = result["last"]["val"]
        errors = ["-" if e is None else f"{e:.2%}" for e in (last["top1_err"], last["top5_err"])]
        rows.append([result["name"], *errors, result["data"]["val"], round(result["seconds"])])
    columns = ["run", "top-1 error", "top-5 error", "pictures", "training, s"]
    settings = [flat(to_mapping(run.read_config())) for run in runs]
    keys = dict.fromkeys(key for setting in settings for key in setting if key != "label")
    differing = [
        [key, *(str(setting.get(key, "(absent)")) for setting in settings)]
        for key in keys
        if len({str(setting.get(key)) for setting in settings}) > 1
    ]
    tables = [Table("results", columns, rows)]
    return [*tables, Table("what differs", ["key", *names], differing)] if differing else tables
