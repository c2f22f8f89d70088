"""`alexcli train`: what is finished is skipped, what is not is trained to its end."""

from collections.abc import Sequence
from pathlib import Path

from alexcli import __version__
from alexcli.config.mapping import flat, to_mapping
from alexcli.errors import UsageError
from alexcli.malloc import reuse_freed_memory
from alexcli.placement.base import Placement
from alexcli.records.training import TrainResult
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.build import build_data, build_placement
from alexcli.run.directory import RunDirectory
from alexcli.run.find import locate
from alexcli.run.start import start_of
from alexcli.schema import TrainSpec


def train(
    spec: TrainSpec,
    reporter: Reporter,
    *,
    resume: str = "auto",
    overrides: Sequence[str] = (),
    arm: str | None = None,
) -> TrainResult:
    """Train, resume, or skip what is finished.

    Args:
        spec: the configuration.
        reporter: receives progress updates.
        resume: `auto` (resume from `last`, skip a finished run), `never` (keep the old run under
            another name and start over), or the path of a checkpoint of this run to resume from.
        overrides: the KEY=VALUE words that the user typed.
        arm: STUDY/ARM of the ablation that asks for the run; the newest run is never one of these.

    Raises:
        UsageError: wrong configuration or data; nothing was written.
        RunFailedError: full disk, non-finite loss.
        InterruptedRunError: Ctrl-C; the run is saved.
    """
    reuse_freed_memory()
    placement = build_placement(spec)
    reporter = reporter if placement.is_main else NullReporter()
    spec, dataset = build_data(spec, reporter, overrides=overrides)
    start = start_of(spec, dataset.fingerprint)
    run = start.run
    named_checkpoint = _named_checkpoint(resume, run)
    finished = run.result() if resume == "auto" else None
    _check_same_run(placement, spec, run, finished=finished is not None)
    if finished is not None:
        return TrainResult(str(run.path), finished, skipped=True)

    from alexcli.run.training import run_training  # Lightning, which takes seconds to import

    origin = {"command": " ".join(["alexcli train", *overrides]), "arm": arm}
    return run_training(
        spec,
        dataset,
        placement,
        start,
        reporter,
        resume=resume,
        named_checkpoint=named_checkpoint,
        origin=origin,
    )


def _named_checkpoint(resume: str, run: RunDirectory) -> Path | None:
    """The checkpoint that `resume` names, which must be one of this run."""
    if resume in ("auto", "never"):
        return None
    path = locate(resume)[1]
    if path.resolve().parent != run.path.resolve():
        raise UsageError(
            f"{path} is not a checkpoint of this run, which is {run.path}",
            hint=f"start a new run from its weights: init_from={path}",
        )
    return path


def _check_same_run(
    placement: Placement, spec: TrainSpec, run: RunDirectory, *, finished: bool
) -> None:
    """UsageError in every process unless all of them are about to train the same run."""
    facts = flat(to_mapping(spec)["model"], "model.")  # a difference that can be named comes first
    facts["the fingerprint of run and data"] = run.path.name
    facts["result.json"] = finished
    facts["alexcli"] = __version__
    placement.check_consistent(facts)
