"""Running an analysis: find its function, and give it the inputs that it names."""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli.analysis.lr import RangeTest
from alexcli.analysis.registry import inputs
from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis
from alexcli.reporter import Reporter
from alexcli.schema import AnalyzeSpec, ModelSpec, TrainSpec

if TYPE_CHECKING:  # `params` and similar analyses start without torch
    from alexcli.analysis.subject import Subject
    from alexcli.records.history import RunHistory
    from alexcli.records.run_summary import RunSummary


@dataclass(frozen=True)
class Request:
    """What the user asks for."""

    spec: AnalyzeSpec
    """From the overrides that are about the analysis."""
    typed: Sequence[str]
    """All overrides."""
    run_overrides: Sequence[str]
    """The overrides that are about the net and its data."""
    run_names: Sequence[str]
    """The values of --run; empty for the newest run."""
    runs: Path
    """Directory searched for the newest run."""
    evaluations: Sequence[Mapping[str, Any]]
    """Rows of `eval --format json`, from below --results."""
    check: bool
    """Whether --check is given."""
    reporter: Reporter
    """Receives progress updates."""


def analyze(
    name: str,
    overrides: Sequence[str],
    run_names: Sequence[str],
    runs: Path,
    reporter: Reporter,
    *,
    evaluations: Sequence[Mapping[str, Any]] = (),
    check: bool = False,
) -> Analysis:
    """Run an analysis.

    Args:
        name: of a module of `alexcli.analysis`.
        overrides: KEY=VALUE; `data.*`, `eval.*` and `trainer.*` change those of the run.
        run_names: runs, checkpoints and wildcards; empty for the newest finished run.
        runs: directory searched for the newest run.
        reporter: receives progress updates.
        evaluations: rows of `eval --format json`.
        check: whether --check is given.

    Raises:
        UsageError: no such run, keys that are unknown or that the analysis does not read, runs for
            an analysis that takes none, or what the analysis itself refuses.
    """
    check_run_names(name, run_names, runs)
    module = importlib.import_module(f"alexcli.analysis.{name}")
    run = module.run
    parameters = list(inspect.signature(run).parameters)
    run_overrides: list[str] = []
    if FROM_NETS.intersection(parameters):
        run_overrides = [override for override in overrides if _is_about_net(override)]
    spec_overrides = [override for override in overrides if override not in run_overrides]
    _check_keys(name, spec_overrides, getattr(module, "KEYS", ()))
    # What the analysis itself sets goes first, so that the user's value holds.
    count = [f"count={module.COUNT}"] if hasattr(module, "COUNT") else []
    request = Request(
        spec=compose([*count, *spec_overrides], AnalyzeSpec),
        typed=overrides,
        run_overrides=run_overrides,
        run_names=run_names,
        runs=runs,
        evaluations=evaluations,
        check=check,
        reporter=reporter,
    )
    analysis: Analysis = run(
        **{parameter: PROVIDERS[parameter](request) for parameter in parameters}
    )
    return analysis


def check_run_names(name: str, run_names: Sequence[str], runs: Path) -> None:
    """Raise UsageError for runs that do not exist, or for an analysis that takes none.

    It needs neither the analysis nor torch, which take seconds to import.

    Args:
        name: the analysis.
        run_names: runs, checkpoints and wildcards.
        runs: directory of the runs.
    """
    if not run_names:
        return
    if not FROM_RUNS.intersection(inputs(name)):
        raise UsageError(
            f"{name} does not take --run", hint=f"alexcli analyze {name} without --run"
        )
    from alexcli.run.find import find_checkpoints

    find_checkpoints(run_names, runs)


def _check_keys(name: str, overrides: Sequence[str], keys: Sequence[str]) -> None:
    """Raise UsageError for a key that an analysis does not read; `compose` refuses unknown ones.

    Args:
        name: the analysis.
        overrides: those that are not about the run.
        keys: the keys of AnalyzeSpec that the analysis reads.
    """
    if not overrides:
        return
    from alexcli.config.overrides import parse  # imports Hydra

    for override in parse(overrides):
        key = override.key_or_group
        section = key.partition(".")[0]
        exists = section in AnalyzeSpec.__annotations__ or _is_about_net(key)
        if exists and section not in keys:
            reads = f"it reads {', '.join(keys)}" if keys else "it takes no KEY=VALUE"
            raise UsageError(
                f"{override.input_line!r}: {name} does not read {section}; {reads}",
                hint=f"leave {override.input_line} out",
            )


def _is_about_net(override: str) -> bool:
    """Whether an override changes how a net is trained or evaluated, not an analysis of it."""
    group = override.partition("=")[0].partition(".")[0]
    return group == "experiment" or group in TrainSpec.__annotations__


def _spec(request: Request) -> AnalyzeSpec:
    return request.spec


def _model_named(_request: Request) -> Callable[[str], ModelSpec]:
    @functools.cache
    def model_named(name: str) -> ModelSpec:
        return compose([f"model={name}"], AnalyzeSpec).model

    return model_named


def _model_of_run(request: Request) -> ModelSpec | None:
    """The model of the run that --run names; only its configuration is read."""
    if not request.run_names:
        return None
    from alexcli.run.find import single_checkpoint

    named = [word for word in request.typed if word.partition("=")[0].partition(".")[0] == "model"]
    if named:
        raise UsageError(
            f"--run {' '.join(request.run_names)} and {' '.join(named)} name two nets",
            hint=f"leave {' '.join(named)} out",
        )
    return single_checkpoint(request.run_names, request.runs).run.read_config().model


def _evaluations(request: Request) -> Sequence[Mapping[str, Any]]:
    return request.evaluations


def _check(request: Request) -> bool:
    return request.check


def _histories(request: Request) -> "list[RunHistory]":
    from alexcli.run.find import find_checkpoints
    from alexcli.run.history import begun_runs, read_history

    checkpoints = find_checkpoints(request.run_names, request.runs)
    runs = begun_runs([checkpoint.run for checkpoint in checkpoints], request.reporter)
    return [read_history(run) for run in runs]


def _subject(request: Request) -> "Subject":
    """The net of a run, configured as for `eval`."""
    from alexcli.run.find import single_checkpoint
    from alexcli.run.subject import subject_of
    from alexcli.run.trained import load

    checkpoint = single_checkpoint(request.run_names, request.runs)
    model = load(checkpoint.run, checkpoint.path, request.run_overrides)
    return subject_of(model, request.spec, request.reporter)


def _subjects(request: Request) -> "Iterator[Subject]":
    """The nets of several runs, one after another, configured as for `eval`."""
    from alexcli.run.find import find_checkpoints
    from alexcli.run.subject import subject_of
    from alexcli.run.trained import load

    for run, path in find_checkpoints(request.run_names, request.runs):
        model = load(run, path, request.run_overrides)
        yield subject_of(model, request.spec, request.reporter)


def _untrained(request: Request) -> "Subject":
    """A net before its first step, configured as for `train`, or like the run that is named.

    For imported weights this is the net with these weights.
    """
    from alexcli.run.subject import subject_of
    from alexcli.run.trained import load, untrained

    if request.run_names:
        from alexcli.run.find import single_checkpoint

        run, path = single_checkpoint(request.run_names, request.runs)
        if run.is_imported:
            imported = load(run, path, request.run_overrides)
            return subject_of(imported, request.spec, request.reporter)
    model = untrained(_train_config(request), request.reporter)
    return subject_of(model, request.spec, request.reporter)


def _losses_at(request: Request) -> Callable[[Sequence[float]], RangeTest]:
    """Updates of a net at growing learning rates, configured like `_untrained`.

    Imported weights are trained further as with `init_from`: a last layer for other classes is
    reinitialized.
    """
    from alexcli.run.range_test import losses_at

    config = _train_config(request)
    if request.run_names:
        from alexcli.run.find import single_checkpoint

        run, path = single_checkpoint(request.run_names, request.runs)
        if run.is_imported:
            config = replace(config, init_from=str(path))
    return lambda rates: losses_at(config, rates, request.reporter)


def _train_config(request: Request) -> TrainSpec:
    """The configuration that the overrides yield, or that of the run that --run names."""
    if not request.run_names:
        return compose(request.run_overrides, TrainSpec)
    from alexcli.run.find import single_checkpoint
    from alexcli.run.trained import eval_config

    checkpoint = single_checkpoint(request.run_names, request.runs)
    return eval_config(checkpoint.run, request.run_overrides)


def _reached(request: Request) -> "list[RunSummary]":
    """Summaries of the runs that --run names; empty without --run."""
    if not request.run_names:
        return []
    from alexcli.run.find import find_checkpoints
    from alexcli.run.listing import summarize

    checkpoints = find_checkpoints(request.run_names, request.runs)
    return [summarize(checkpoint.run) for checkpoint in checkpoints]


PROVIDERS: dict[str, Callable[[Request], Any]] = {
    "spec": _spec,
    "model_named": _model_named,
    "model_of_run": _model_of_run,
    "subject": _subject,
    "subjects": _subjects,
    "untrained": _untrained,
    "losses_at": _losses_at,
    "histories": _histories,
    "reached": _reached,
    "evaluations": _evaluations,
    "check": _check,
}
"""What an analysis receives for each parameter name; `alexcli.analysis` explains them."""

FROM_RUNS = frozenset(
    {"model_of_run", "subject", "subjects", "untrained", "losses_at", "histories", "reached"}
)
"""The inputs for which --run may be given."""

FROM_NETS = frozenset({"subject", "subjects", "untrained", "losses_at"})
"""The inputs that overrides of `train` and `eval` configure."""
