"""Listing, comparing and removing the runs of a directory."""

import contextlib
import glob
import stat
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from alexcli import run_files
from alexcli.errors import UsageError, did_you_mean
from alexcli.files import TEMPORARY, writing
from alexcli.records.run_summary import RunSummary
from alexcli.run.directory import RunDirectory
from alexcli.run.find import OLD_RUN_MARK, check_runs_folder

STATES = ("finished", "stopped", "training", "damaged")

FILES_OF_A_RUN = (
    run_files.CONFIG,
    run_files.CLASSES,
    run_files.ENVIRONMENT,
    run_files.METRICS,
    "metrics.csv",
    run_files.UNITS,
    "mlflow_run_id",
    "tensorboard/events.out.tfevents.*",
    run_files.RESULT,
    "train.log",
    "*.ckpt",
    *run_files.UNSAVED,
    TEMPORARY,
    "conf/*/*.yaml",
    f"conf/*/{TEMPORARY}",
    "wandb/latest-run*",
    "wandb/debug*.log",
)
"""What alexcli writes into a run's directory, beside the records of Weights & Biases; nothing else
is ever removed.
"""

WANDB_RECORDS = "wandb/*run-*-{name}/**/*"
"""The records that Weights & Biases keeps of the sessions of a run; others may lie beside them."""

FOLDERS_OF_A_RUN = ("tensorboard", "conf", "wandb")
"""The folders among them."""


def find_runs(runs: Path, patterns: Sequence[str] = ()) -> list[RunDirectory]:
    """The runs of a directory whose names match any pattern, sorted by name.

    Args:
        runs: directory of all runs.
        patterns: LABEL, LABEL/DIRECTORY or paths, with wildcards; none for all runs.

    Raises:
        UsageError: no run matches a pattern; the hint has the nearest name.
    """
    check_runs_folder(runs)
    every_run = [RunDirectory(path.parent) for path in sorted(runs.glob(run_files.EVERY_RUN))]
    if not patterns:
        return every_run
    chosen: dict[Path, RunDirectory] = {}
    for pattern in patterns:
        fitting = [run for run in every_run if _fits(run, pattern)]
        if not fitting:
            labels = {run.path.parent.name for run in every_run}
            raise UsageError(
                f"no run in {runs} is called {pattern}",
                hint=did_you_mean(pattern, [*labels, *(run.name for run in every_run)])
                or "alexcli runs list shows all",
            )
        chosen.update({run.path: run for run in fitting})
    return list(chosen.values())


def _fits(run: RunDirectory, pattern: str) -> bool:
    """Whether a pattern means a run; one that was kept when another replaced it needs its mark."""
    if OLD_RUN_MARK in run.name and OLD_RUN_MARK not in pattern:
        return False
    names = (run.name, run.path.parent.name, str(run.path), str(run.path.resolve()))
    return any(fnmatch(name, pattern.rstrip("/")) for name in names)


def summarize(run: RunDirectory) -> RunSummary:
    """Summarize a run; a run that cannot be read is marked as damaged, without an error."""
    size = _bytes_of(run.path)
    try:
        spec = run.read_config()
        result: dict[str, Any] = run.result() or {}
        rows = [row for row in run.rows() if row["split"] == "val"]
        last = rows[-1] if rows else {}
        return RunSummary(
            name=run.name,
            path=str(run.path),
            model=spec.model.name,
            data=spec.data.source.name,
            seed=spec.seed,
            epochs="" if run.is_imported else f"{last.get('epoch', 0)}/{spec.optim.epochs}",
            val_err=last.get("top1_err"),
            test_err=(result.get("test") or {}).get("top1_err"),
            seconds=last.get("time"),
            state=_state(run),
            bytes=size,
        )
    except (UsageError, KeyError, TypeError, AttributeError):
        return RunSummary(
            name=run.name,
            path=str(run.path),
            model="",
            data="",
            seed=0,
            epochs="",
            val_err=None,
            test_err=None,
            seconds=None,
            state="damaged",
            bytes=size,
        )


def _bytes_of(folder: Path) -> int:
    """The size of all files in a folder and the folders below it; links are not followed."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a training process replaces its files
            status = path.lstat()
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def _state(run: RunDirectory) -> str:
    if run.result_file.exists():
        return "finished"
    return "training" if is_being_trained(run) else "stopped"


def _lock_file(run: RunDirectory) -> Path:
    """The file that a training process locks; see RunDirectory.locked."""
    return run.path.parent / f".{run.path.name}.lock"


def is_being_trained(run: RunDirectory) -> bool:
    """Whether another process is training the run."""
    lock = _lock_file(run)
    if not lock.exists():
        return False
    try:
        with FileLock(lock).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True


def remove(run: RunDirectory) -> list[Path]:
    """Remove the files that alexcli wrote for a run, and its directory if nothing else is in it.

    Args:
        run: not being trained.

    Returns:
        The other files, which are left where they are.

    Raises:
        UsageError: another process is training it, or a file cannot be removed.
    """
    with (
        run.locked(hint="stop that process first"),
        writing(f"the run directory {run.path}", hint="remove it by hand"),
    ):
        return _remove_files(run)


def _remove_files(run: RunDirectory) -> list[Path]:
    """Remove the files of a run that is locked, and return those that are left."""
    # A run that was kept when another replaced it was recorded by its former name.
    name = glob.escape(run.path.name.partition(OLD_RUN_MARK)[0])
    for pattern in (*FILES_OF_A_RUN, WANDB_RECORDS.format(name=name)):
        for file in run.path.glob(pattern):
            if _lies_in(run.path, file) and (file.is_file() or file.is_symlink()):
                file.unlink()
    for name in FOLDERS_OF_A_RUN:
        _remove_empty(run.path / name)
    left = sorted(run.path.iterdir())
    if not left:
        run.path.rmdir()
        _lock_file(run).unlink(missing_ok=True)
        run.process_log.unlink(missing_ok=True)
        if not any(run.path.parent.iterdir()):
            run.path.parent.rmdir()
    return left


def _lies_in(directory: Path, file: Path) -> bool:
    """Whether a file is really in a directory, not reached through a link."""
    between = file.relative_to(directory).parents
    return not any((directory / parent).is_symlink() for parent in list(between)[:-1])


def _remove_empty(folder: Path) -> None:
    """Remove the empty folders below a folder, and the folder itself if it is then empty."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for entry in list(folder.iterdir()):
        _remove_empty(entry)
    if not any(folder.iterdir()):
        folder.rmdir()


def started_from(run: RunDirectory, runs: Path) -> list[RunDirectory]:
    """The other runs of a directory whose `init_from` names a run or one of its checkpoints."""
    named = run.path.resolve()
    followers = []
    for other in find_runs(runs):
        with contextlib.suppress(UsageError):  # it is unknown where a damaged run started from
            source = other.read_config().init_from
            path = None if source is None else Path(source).expanduser().resolve()
            if path is not None and named in (path, path.parent):
                followers.append(other)
    return followers
