"""The checkpoint that a run resumes from: `last`, or another one if `last` is damaged."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexcli.errors import UsageError
from alexcli.files import atomic_path, writing
from alexcli.lit.module import AlexNetModule
from alexcli.reporter import Reporter
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory

DAMAGED = "damaged.ckpt"


@dataclass(frozen=True)
class Resumption:
    """Where a run resumes."""

    path: Path | None = None
    """The checkpoint; None for the start of the training."""
    step: int = 0
    """Updates made before."""
    damaged: Path | None = None
    """A `last` that cannot be read."""
    copied: Path | None = None
    """The checkpoint that becomes `last` of a new directory."""
    starts_over: bool = False
    """Whether the run's records do not fit, and are kept under another name."""


def find_resumption(
    run: RunDirectory, named_checkpoint: Path | None, module: AlexNetModule, reporter: Reporter
) -> Resumption:
    """Read the checkpoint from which a run resumes.

    Args:
        run: if it has no checkpoint, it starts from the beginning.
        named_checkpoint: the one that the user names, or of the shorter run; it must be intact.
        module: the module that the checkpoint must fit.
        reporter: receives a warning about a damaged checkpoint.

    Raises:
        UsageError: no checkpoint is intact, or it is of another model.
    """
    if named_checkpoint is not None:
        step = _step(checkpoint.read(named_checkpoint), module, named_checkpoint)
        if run.is_last(named_checkpoint):
            return Resumption(run.last, step)
        is_of_run = named_checkpoint.resolve().parent == run.path.resolve()
        return Resumption(run.last, step, copied=named_checkpoint, starts_over=is_of_run)
    problems: list[UsageError] = []
    for path in (run.last, run.previous, run.best):
        try:
            content = checkpoint.read(path) if path.exists() else None
        except UsageError as error:
            problems.append(error)
            continue
        if content is not None:
            step = _step(content, module, path)
            for problem in problems:
                reporter.warn(problem.message)
            return Resumption(path, step, damaged=run.last if problems else None)
    if problems:
        raise UsageError(
            problems[0].message,
            hint="no checkpoint of this run is whole; `--resume never` starts over and keeps the "
            "old run",
        )
    return Resumption()


def _step(content: dict[str, Any], module: AlexNetModule, source: Path) -> int:
    """The step of a checkpoint; UsageError for one of another model."""
    state = module.net.drop_other_towers(content["state_dict"], prefix="net.")
    checkpoint.check_weights(module, state, source)
    return int(content["global_step"])


def put_aside(resumption: Resumption, reporter: Reporter) -> None:
    """Rename a damaged `last`, so that it does not become `previous`."""
    if resumption.damaged is not None and resumption.damaged.exists():
        kept = resumption.damaged.replace(resumption.damaged.with_name(DAMAGED))
        reporter.note(f"the damaged checkpoint is kept as {kept}")


def copy_beginning(last: Path, run: RunDirectory) -> None:
    """Copy a checkpoint of another run, and what this run had recorded, to a new run.

    Args:
        last: the checkpoint, which becomes the new run's `last.ckpt`.
        run: the new run, whose directory exists. Its `last.ckpt` comes last and whole, so that the
            plain train command resumes from there if this one is killed.

    Raises:
        UsageError: a file cannot be written.
    """
    source = RunDirectory(last.parent)
    copies = [(source.metrics, run.metrics), (source.units, run.units)]
    if _is_of_earlier_step(source.best, last):
        copies.append((source.best, run.best))
    copies.append((last, run.last))
    with writing(f"the run directory {run.path}", hint="make room, or choose runs=DIR"):
        for original, copy in copies:
            if original.exists():
                with atomic_path(copy) as temporary:
                    shutil.copyfile(original, temporary)


def _is_of_earlier_step(best: Path, last: Path) -> bool:
    """Whether a checkpoint can be read, and is of the same step as another or an earlier one."""
    try:
        steps = [checkpoint.read(path, mmap=True)["global_step"] for path in (best, last)]
    except UsageError:
        return False
    return bool(steps[0] <= steps[1])
