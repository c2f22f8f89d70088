"""`alexcli train`: skip a finished run, and train an unfinished one to its end."""

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alexcli import __version__
from alexcli.config.compose import user_files_of
from alexcli.config.diff import describe_values, differences
from alexcli.config.files import STUDIES, user_choices, user_conf_dir
from alexcli.config.mapping import flat, to_mapping
from alexcli.data.dataset import Dataset
from alexcli.errors import InterruptedRunError, RunFailedError, UsageError
from alexcli.malloc import reuse_freed_memory
from alexcli.placement.base import Placement
from alexcli.records.training import TrainResult
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.build import build_data, build_placement, check_batches
from alexcli.run.directory import RunDirectory
from alexcli.run.early import check_loggers
from alexcli.run.extend import FLAG, describe_shorter, obstacle, required_shorter_run, shorter_run
from alexcli.run.find import find_checkpoint
from alexcli.run.start import RunStart, start_of
from alexcli.schema import TrainSpec

RECORDING = ("trainer.train_eval", "eval.test_at_end", "data.test_count", "logger.")
"""Settings of what a run records, which do not change its net: they share a run's directory."""


def train(
    spec: TrainSpec,
    reporter: Reporter,
    *,
    resume: str = "auto",
    extend: bool = False,
    overrides: Sequence[str] = (),
    arm: str | None = None,
    opened: tuple[TrainSpec, Dataset] | None = None,
) -> TrainResult:
    """Train, resume, or skip what is finished.

    Args:
        spec: the configuration.
        reporter: receives progress updates.
        resume: `auto` (resume from `last`, skip a finished run), `never` (keep the old run under
            another name and start over), or the path of a checkpoint (the same, from there).
        extend: resume from the longest finished run that has fewer epochs and is otherwise the
            same; a run that has itself begun is resumed instead.
        overrides: the KEY=VALUE words that the user typed.
        opened: what `build_data` has made of the configuration, if it was opened before.
        arm: STUDY/ARM of the ablation that needs the run; such a run never counts as the newest.

    Raises:
        UsageError: wrong configuration or data; nothing was written.
        RunFailedError: full disk, non-finite loss.
        InterruptedRunError: Ctrl-C; the run is saved.
    """
    reuse_freed_memory()
    check_loggers(spec.logger)
    placement = build_placement(spec)
    reporter = reporter if placement.is_main else NullReporter()
    spec, dataset = opened or build_data(spec, reporter, overrides=overrides)
    start = start_of(spec, dataset.fingerprint)
    run = start.run
    checkpoint = named_checkpoint(resume, run, spec, start, dataset.fingerprint)
    finished = run.result() if resume == "auto" else None
    _check_same_run(placement, spec, run, finished=finished is not None)
    if finished is not None:
        return _skipped(spec, run, finished)
    check_batches(spec, len(dataset.train))
    is_new = resume == "auto" and not run.begun
    extends = _shorter_run(spec, start, dataset, reporter, extend=extend) if is_new else None
    conf = _user_files(overrides)
    from alexcli.run.training import run_training  # Lightning, which takes seconds to import

    with _hint_without_resume(run, resume, checkpoint):
        outcome = run_training(
            spec,
            dataset,
            placement,
            start,
            reporter,
            resume=resume,
            named_checkpoint=checkpoint,
            extends=extends,
            origin={"command": _command(run, overrides, conf), "arm": arm, **_extension(extends)},
            conf={**conf, **_user_study(arm)},
        )
    return outcome or _skipped(spec, run, run.result() or {})


@contextlib.contextmanager
def _hint_without_resume(run: RunDirectory, resume: str, checkpoint: Path | None) -> Iterator[None]:
    """Let a run that ends early in the block be resumed by its hint, whatever `resume` was.

    Args:
        run: which the block trains.
        resume: as `train` takes it.
        checkpoint: which `resume` names.
    """
    starts_over = resume != "auto" and not (checkpoint and run.is_last(checkpoint))
    try:
        yield
    except (InterruptedRunError, RunFailedError) as error:
        if starts_over and "same command" in (error.hint or ""):
            error.hint = f"{error.hint} (without --resume, with which it starts over)"
        raise


def _skipped(spec: TrainSpec, run: RunDirectory, finished: dict[str, Any]) -> TrainResult:
    """The outcome for a run that had been finished before, with what it has not recorded."""
    trained_with = describe_values(run.read_config())
    without_effect = [
        f"{row.key}={row.right}"
        for row in differences(trained_with, describe_values(spec))
        if row.key.startswith(RECORDING)
    ]
    return TrainResult(str(run.path), finished, skipped=True, without_effect=without_effect)


def _command(run: RunDirectory, overrides: Sequence[str], conf: Mapping[Path, bytes]) -> str:
    """The command that repeats a run, with the user's yaml files that the run keeps."""
    files = ["--conf", str(run.kept_conf)] if conf else []
    return shlex.join(["alexcli", "train", *files, *overrides])


def _extension(extends: RunDirectory | None) -> dict[str, str]:
    """The entry of result.json for a shorter run that this one resumes from."""
    return {} if extends is None else {"extends": extends.name}


def _user_files(overrides: Sequence[str]) -> dict[Path, bytes]:
    """The user's yaml files that the overrides use, with their content."""
    folder = user_conf_dir()
    if folder is None:
        return {}
    return {file: (folder / file).read_bytes() for file in user_files_of(overrides, TrainSpec)}


def _user_study(arm: str | None) -> dict[Path, bytes]:
    """The yaml file of the study that needs the run, with its content, if it is the user's."""
    path = user_choices(STUDIES).get(arm.partition("/")[0]) if arm else None
    return {} if path is None else {Path(STUDIES, path.name): path.read_bytes()}


def named_checkpoint(
    resume: str, run: RunDirectory, spec: TrainSpec, start: RunStart, images: str
) -> Path | None:
    """The checkpoint that `resume` names; None for `auto` and `never`.

    Args:
        resume: as `train` takes it.
        run: the run's directory.
        spec: its configuration, fitted to the data.
        start: its directory and initial weights.
        images: the data's own fingerprint.

    Raises:
        UsageError: there is no such checkpoint, or it is not one of this run.
    """
    if resume in ("auto", "never"):
        return None
    try:
        path = find_checkpoint(resume, Path(spec.runs).expanduser()).path
    except UsageError as error:
        raise UsageError(
            f"{error.message}, and it is neither auto nor never", hint=error.hint
        ) from None
    folder = path.resolve().parent
    if folder != run.path.resolve():
        hint = f"start a new run from its weights: init_from={path}"
        shorter = shorter_run(spec, start, images)
        if shorter and shorter[0].path.resolve() == folder and not obstacle(spec):
            hint = f"it is this training with fewer epochs: {FLAG} resumes from it"
        raise UsageError(f"{path} is not a checkpoint of this run, which is {run.path}", hint=hint)
    return path


def _shorter_run(
    spec: TrainSpec, start: RunStart, dataset: Dataset, reporter: Reporter, *, extend: bool
) -> RunDirectory | None:
    """The shorter run to resume from; None without `extend`, but then it is reported."""
    if extend:
        return required_shorter_run(spec, start, dataset.fingerprint)
    shorter = shorter_run(spec, start, dataset.fingerprint)
    if shorter:
        reporter.note(describe_shorter(spec, *shorter))
    return None


def _check_same_run(
    placement: Placement, spec: TrainSpec, run: RunDirectory, *, finished: bool
) -> None:
    """Raise UsageError in every process unless all of them are about to train the same run."""
    facts = flat(to_mapping(spec)["model"], "model.")  # a difference that can be named comes first
    facts["the fingerprint of run and data"] = run.path.name
    facts["result.json"] = finished
    facts["alexcli"] = __version__
    placement.check_consistent(facts)
