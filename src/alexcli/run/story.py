"""What a report shows of a single run besides its curves: its results and its settings."""

from typing import Any

from alexcli.config.compose import compose
from alexcli.config.diff import ABSENT
from alexcli.config.mapping import flat, to_mapping
from alexcli.errors import plural
from alexcli.records.history import RunHistory
from alexcli.run.directory import RunDirectory
from alexcli.schema import TrainSpec
from alexcli.tables import Table

NO_SETTINGS = ("runs", "label", "seed")
"""Keys that distinguish runs but are not shown as settings."""


def title_of(run: RunDirectory, history: RunHistory) -> str:
    """The run and what it reached, in one line."""
    errors = [row for row in history.rows if row["split"] == "val"]
    reached = ""
    if errors:
        last = errors[-1]
        epochs = plural(last["epoch"], "epoch")
        reached = f": {last['top1_err']:.2%} validation error after {epochs}"
    return f"{run.name}{reached}"


def summary(run: RunDirectory) -> Table:
    """The results of a run, a row for each quantity that it has recorded."""
    result = run.result() or {}
    last = (result.get("last") or {}).get("val") or {}
    best = result.get("best") or {}
    test = result.get("test") or {}
    data = result.get("data") or {}
    quantities: list[tuple[str, Any]] = [
        ("net", result.get("model")),
        ("parameters", _count(result.get("parameters"))),
        ("training images", _count(data.get("train"))),
        ("epochs", result.get("epochs")),
        ("updates", _count(result.get("steps"))),
        ("arithmetic", result.get("precision")),
        ("time", _minutes(result.get("seconds"))),
        ("validation error, last epoch", _percent(last.get("top1_err"))),
        ("validation error, best epoch", _best(best)),
        ("validation error, top-5", _percent(last.get("top5_err"))),
        ("test error", _test(test)),
        ("seed", result.get("seed")),
    ]
    rows = [
        {"quantity": name, "value": str(value)} for name, value in quantities if value is not None
    ]
    return Table.from_records("what came out", rows, columns=["quantity", "value"])


def against_default(history: RunHistory) -> Table:
    """The settings of a run that differ from those of `alexcli train` without arguments."""
    default = flat(to_mapping(compose([], TrainSpec)))
    settings = history.settings
    rows = [
        {"key": key, "this run": _value(settings, key), "default": _value(default, key)}
        for key in {**default, **settings}
        if key not in NO_SETTINGS and _value(settings, key) != _value(default, key)
    ]
    note = "" if rows else "none: this is the configuration of the quick start"
    return Table.from_records(
        "settings that differ from the default", rows, note, columns=["key", "this run", "default"]
    )


def _value(settings: dict[str, Any], key: str) -> str:
    return str(settings.get(key, ABSENT))


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _percent(error: float | None) -> str | None:
    return None if error is None else f"{error:.2%}"


def _best(row: dict[str, Any]) -> str | None:
    return f"{row['top1_err']:.2%}, epoch {row['epoch']}" if "top1_err" in row else None


def _test(row: dict[str, Any]) -> str | None:
    return f"{row['top1_err']:.2%} on {row['n']:,} images" if "top1_err" in row else None


def _minutes(seconds: float | None) -> str | None:
    """A duration in seconds, minutes or hours."""
    if seconds is None:
        return None
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
