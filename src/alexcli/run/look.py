"""Handing analyses what they ask for: a trained net and its data, a start, histories."""

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
from alexcli.results import Analysis, Reporter
from alexcli.schema import AnalyzeSpec, TrainSpec

if TYPE_CHECKING:  # params and its like start without torch
    from alexcli.data.dataset import Dataset
    from alexcli.data.pictures import Pictures
    from alexcli.data.transforms import Batch
    from alexcli.run.rundir import RunDirectory
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
    looks = {"subject", "histories", "fresh"} & set(wanted)
    if named and not looks:
        raise UsageError.of("analyze.no_run", name=name)
    # A net before its first step is configured as for `train`, the net of a run as for `eval`.
    theirs = {"experiment", *TrainSpec.__annotations__} if looks else set()
    own = [word for word in words if word.partition("=")[0].partition(".")[0] in theirs]
    given["spec"] = spec = compose([word for word in words if word not in own], AnalyzeSpec)
    if looks:
        from alexcli.run.trained import choose, fresh, load, placed_spec
    if "fresh" in looks and not named:
        given["fresh"] = _subject(fresh(compose(own, TrainSpec), reporter), spec, reporter)
    elif looks:
        chosen = choose(named, runs, ("train",) if "histories" in looks else ("train", "import"))
        run, path = chosen[0]
        if "histories" in looks:
            given["histories"] = [history(run) for run, _ in chosen]
        elif len(chosen) > 1:
            raise UsageError.of("analyze.many_runs", chosen=chosen, run=run)
        elif "fresh" in looks:
            given["fresh"] = _subject(fresh(placed_spec(run, own), reporter), spec, reporter)
        else:
            given["subject"] = _subject(load(run, path, own), spec, reporter)
    found: Analysis = work(**{key: given[key] for key in wanted})
    return found


def _subject(trained: "Trained", spec: AnalyzeSpec, reporter: Reporter) -> Subject:
    """The net, and its data when somebody asks for them."""
    import numpy as np
    import torch

    from alexcli.run.build import build_data
    from alexcli.run.evaluate import find_pictures, known_labels, read_pictures, same_classes

    names, device = trained.names, trained.placement.device

    @cache
    def data() -> "Dataset":
        dataset = build_data(trained.spec, reporter)[1]
        same_classes(trained, dataset)
        return dataset

    def pictures() -> "tuple[torch.Tensor, list[str], list[str | None]]":
        if spec.pictures is not None:
            files = find_pictures([Path(spec.pictures).expanduser()])[: spec.count]
            labels = known_labels(trained, files)
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


def history(run: "RunDirectory") -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Label, flat configuration and the lines of metrics.jsonl."""
    try:
        lines = run.metrics.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise UsageError.of("run.metrics", run=run, error=error) from error
    return run.path.resolve().parent.name, flat(to_mapping(run.read_config())), rows
