"""Handing analyses what they ask for: a trained net and its data, a start, histories; what an HTML
report says of studies and runs, in the form of analyses.
"""

import importlib
import inspect
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli.analysis import Subject
from alexcli.config import compose, flat, to_mapping
from alexcli.errors import UsageError
from alexcli.results import Analysis, Reporter, StudyResult, Table
from alexcli.run.rundir import RunDirectory
from alexcli.schema import AnalyzeSpec, TrainSpec

if TYPE_CHECKING:  # params and its like start without torch
    from alexcli.analysis.curves import History
    from alexcli.data.pictures import Pictures
    from alexcli.data.transforms import Batch
    from alexcli.run.trained import Trained


def look(
    name: str,
    words: Sequence[str],
    named: Sequence[str],
    runs: Path,
    reporter: Reporter,
    **given: Any,
) -> Analysis:
    """Run an analysis.

    Args:
        name: of a file of `alexcli.analysis`.
        words: KEY=VALUE; `data.*`, `eval.*` and `trainer.*` change those of the run.
        named: runs; none for the newest finished one.
        runs: where that is looked for.
        reporter: told how it goes.
        given: more that analyses may ask for by name.

    Raises:
        UsageError: no run, unknown keys, words or runs that the analysis has no use for, or what
            it refuses itself.
    """
    given["model"] = cache(lambda name: compose([f"model={name}"], AnalyzeSpec).model)
    work = importlib.import_module(f"alexcli.analysis.{name}").run
    wanted = inspect.signature(work).parameters
    kind = next((key for key in ("subject", "histories", "fresh") if key in wanted), None)
    if named and not kind:
        raise UsageError.of("analyze.no_run", name=name)
    # A net before its first step is configured as for `train`, the net of a run as for `eval`.
    theirs = {"experiment", *TrainSpec.__annotations__} if kind else set()
    own = [word for word in words if word.partition("=")[0].partition(".")[0] in theirs]
    given["spec"] = spec = compose([word for word in words if word not in own], AnalyzeSpec)
    if kind:
        from alexcli.run.trained import choose, fresh, load, placed_spec
    if kind == "histories":
        given[kind] = [history(run) for run, _ in choose(named, runs)]
    elif kind:
        chosen = choose(named, runs, ("train", "import")) if named or kind == "subject" else []
        if len(chosen) > 1:
            raise UsageError.of("analyze.many_runs", chosen=chosen, run=chosen[0][0])
        if kind == "subject":
            net = load(*chosen[0], own)
        else:
            start = placed_spec(chosen[0][0], own) if chosen else compose(own, TrainSpec)
            net = fresh(start, reporter)
        given[kind] = _subject(net, spec, reporter)
    found: Analysis = work(**{key: given[key] for key in wanted})
    return found


def _subject(trained: "Trained", spec: AnalyzeSpec, reporter: Reporter) -> Subject:
    """The net, and its data when somebody asks for them."""
    import numpy as np
    import torch

    from alexcli.run.evaluate import find_pictures, known_labels, read_pictures

    names, device = trained.names, trained.placement.device
    data = cache(lambda: trained.data(reporter))

    def pictures() -> "tuple[torch.Tensor, list[str], list[str | None]]":
        if spec.pictures is not None:
            files = find_pictures([Path(spec.pictures).expanduser()])[: spec.count]
            labels = known_labels(trained, files, None, reporter)
            images, called = read_pictures(trained, files), [str(file) for file in files]
        else:  # evenly apart through the classes of the held-out pictures
            held = data().val
            at = np.linspace(0, len(held) - 1, min(spec.count, len(held))).astype(int)
            order = np.argsort(held.labels, kind="stable")[at].tolist()
            labels, images = [int(held.labels[i]) for i in order], held.fetch(order)
            called = [f"val/{held.names()[i]}" for i in order]
        words = [None if label is None else names[label] for label in labels]
        return torch.from_numpy(images).to(device), called, words

    def stream(some: "Pictures") -> "Iterator[Batch]":
        for batch in trained.batches(data(), some):
            yield batch
            reporter.counted("looking at pictures", int(batch.positions[-1]) + 1, len(some))
        reporter.close()

    known = (trained.name, trained.net, trained.preprocess, names)
    return Subject(*known, pictures, lambda: data().train, stream)


def history(run: RunDirectory) -> "History":
    """Label, flat configuration and the lines of metrics.jsonl."""
    try:
        lines = run.metrics.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise UsageError.of("run.metrics", run=run, error=error) from error
    return run.path.resolve().parent.name, flat(to_mapping(run.read_config())), rows


def of_study(study: StudyResult, typed: str) -> Analysis:
    """Curves of a study's arms with the band of their seeds, commands and machines.

    Raises:
        UsageError: none of its runs is finished.
    """
    runs = [(arm.name, RunDirectory(Path(path))) for arm in study.arms for path in arm.runs]
    if not runs:
        raise UsageError.of("report.no_run", study=study)
    histories: list[History] = [(name, {}, history(run)[2]) for name, run in runs]
    commands = [f"alexcli ablate {study.name} {typed}", *(arm.command for arm in study.arms)]
    return _told(f"{study.name}: {study.about}", [run for _, run in runs], histories, commands)


def of_runs(runs: Sequence[RunDirectory]) -> Analysis:
    """Curves of runs, the keys on which they differ, commands and machines."""
    commands = [str((run.result() or {}).get("command", "")) for run in runs]
    return _told("runs", runs, [history(run) for run in runs], commands)


def _told(
    title: str,
    runs: Sequence[RunDirectory],
    histories: "Sequence[History]",
    commands: Sequence[str],
) -> Analysis:
    """Curves, with how to repeat them and where, a line for each different machine and version."""
    from alexcli.analysis import curves

    found = curves.run(AnalyzeSpec(), histories)
    settings = [setting for _, setting, _ in histories]
    rows = [
        [key, *(str(setting.get(key, "(absent)")) for setting in settings)]
        for key in dict.fromkeys(key for setting in settings for key in setting if key != "label")
        if len({str(setting.get(key)) for setting in settings}) > 1
    ]
    if rows:
        found.tables.append(Table("what differs", ["key", *(run.name for run in runs)], rows))
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
