"""Finding runs: the newest one, and those that a user names by paths and wildcards.

A run directory stands for its `last` checkpoint, the net after the final epoch; another checkpoint,
such as `best.ckpt`, can be named by its file.
"""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from alexcli import run_files
from alexcli.errors import UsageError, nearest, plural, sibling_names
from alexcli.reporter import Reporter
from alexcli.run.directory import RunDirectory

OLD_RUN_MARK = "~"
"""Occurs in the name of an old run that was kept when a new one replaced it."""


RUNS_IN_HINT = 3

RUN_HINT = "name a run directory such as runs/quickstart/s0-..."


class RunCheckpoint(NamedTuple):
    """A checkpoint, and the run that it belongs to."""

    run: RunDirectory
    path: Path


def resolve_runs(
    names: Sequence[str],
    runs: Path,
    kinds: Sequence[str] = ("train",),
    *,
    reporter: Reporter | None = None,
) -> list[RunCheckpoint]:
    """The checkpoints that a user names, without duplicates.

    Args:
        names: run directories, checkpoints and wildcards, which a shell may have left unexpanded;
            without any, the newest finished run is meant.
        runs: directory searched for the newest run.
        kinds: which runs may be the newest one: `train`, `import`.
        reporter: receives the name of the newest run if none is named.

    Raises:
        UsageError: a name that matches no run, or no finished run.
    """
    if not names:
        run = newest(runs, kinds)
        if reporter is not None:
            reporter.note(f"the newest finished run: {run.path}")
        return [RunCheckpoint(run, run.last)]
    by_file: dict[Path, RunCheckpoint] = {}
    for name in names:
        for path in _expand(name, runs):
            checkpoint = locate(path, runs)
            by_file[checkpoint.path.resolve()] = checkpoint
    return list(by_file.values())


def single_checkpoint(
    names: Sequence[str], runs: Path, *, reporter: Reporter | None = None
) -> RunCheckpoint:
    """The one checkpoint that a user names, or that of the newest trained or imported run.

    Args:
        names: a run directory, a checkpoint or a wildcard; empty for the newest run.
        runs: directory searched for the newest run.
        reporter: receives the name of the newest run if none is named.

    Raises:
        UsageError: the names match several or none.
    """
    checkpoints = resolve_runs(names, runs, kinds=("train", "import"), reporter=reporter)
    if len(checkpoints) > 1:
        raise UsageError(
            f"{' '.join(names)} matches {plural(len(checkpoints), 'run')}",
            hint=f"name one of them, such as {checkpoints[0].path}",
        )
    return checkpoints[0]


def newest(runs: Path, kinds: Sequence[str] = ("train",), label: str = "*") -> RunDirectory:
    """The run that finished last, except for arms of ablations and old runs.

    Args:
        runs: directory to search.
        kinds: `train`, `import`.
        label: of the run; `*` for any.

    A run whose result.json is damaged is passed over, as long as there is another one.

    Raises:
        UsageError: there is none.
    """
    check_runs_folder(runs)
    by_time: dict[str, RunDirectory] = {}
    damage: UsageError | None = None
    for file in runs.glob(f"{label}/*/{run_files.RESULT}"):
        run = RunDirectory(file.parent)
        if OLD_RUN_MARK in run.name:
            continue
        try:
            result = run.result() or {}
        except UsageError as error:
            damage = error
            continue
        if result.get("kind") in kinds and not result.get("arm"):
            by_time[str(result.get("finished", ""))] = run
    if not by_time:
        if damage is not None:
            raise damage
        raise UsageError(
            f"there is no finished run of alexcli {' or '.join(kinds)} in {runs.absolute()}",
            hint="alexcli train",
        )
    return by_time[max(by_time)]


def check_runs_folder(runs: Path) -> None:
    """Check the directory of all runs; only the default one may be missing.

    Raises:
        UsageError: it is a file, or does not exist.
    """
    if runs.is_dir() or (not runs.exists() and runs == run_files.DEFAULT_RUNS):
        return
    kind = "is a file" if runs.exists() else "does not exist"
    near = nearest(runs.name, sibling_names(runs))
    raise UsageError(
        f"the directory of runs {runs} {kind}",
        hint=f"did you mean {runs.parent / near}?" if near else "name the directory of all runs",
    )


def locate(name: str, runs: Path) -> RunCheckpoint:
    """The checkpoint that a path stands for: a run directory, or a checkpoint file.

    Args:
        name: the path, or its part after `runs`, as `alexcli runs list` shows it.
        runs: directory of the runs.

    Raises:
        UsageError: there is no such path, or no checkpoint in the directory.
    """
    path = Path(name).expanduser()
    if not path.exists() and _is_run(RunDirectory(runs / name)):
        path = runs / name
    if path.is_dir():
        run = RunDirectory(path)
        if not run.last.exists():
            raise UsageError(
                f"{path} holds no checkpoint last.ckpt",
                hint=_images_hint(path) or _existing_hint(path) or _existing_hint(runs) or RUN_HINT,
            )
        return RunCheckpoint(run, run.last)
    if not path.exists():
        near = nearest(path.name, sibling_names(path))
        raise UsageError(
            f"there is no run or checkpoint {name}",
            hint=f"did you mean {path.parent / near}?" if near else _hint_for(name, runs),
        )
    run = RunDirectory(path.parent)
    if not run.config.exists():
        raise UsageError(
            f"{path} is not a checkpoint of a run: there is no config.yaml beside it",
            hint="a checkpoint needs the config.yaml of its run beside it",
        )
    return RunCheckpoint(run, path)


def _hint_for(name: str, runs: Path) -> str:
    """A hint for a name that is no path: the newest runs of this label, or of all labels."""
    if (runs / name).is_dir():
        return _existing_hint(runs / name) or RUN_HINT
    return _existing_hint(runs) or "alexcli train makes runs"


def _images_hint(folder: Path) -> str | None:
    """A hint with the key for a folder of images that was named in place of a run."""
    from alexcli.data.file_names import holds_images  # imports numpy and Pillow

    return f"images are named by a key: data.root={folder}" if holds_images(folder) else None


def _existing_hint(folder: Path) -> str | None:
    """A hint with the newest runs at or up to two levels below a folder, if there are any."""
    files = [
        file for depth in ("", "*/", "*/*/") for file in folder.glob(f"{depth}{run_files.LAST}")
    ]
    files = [file for file in files if OLD_RUN_MARK not in file.parent.name]
    if not files:
        return None
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    names = ", ".join(str(file.parent) for file in files[:RUNS_IN_HINT])
    if len(files) == 1:
        return f"did you mean {names}?"
    more = "; alexcli runs list shows all" if len(files) > RUNS_IN_HINT else ""
    return f"there are {names}{more}"


def _is_run(run: RunDirectory) -> bool:
    """Whether a folder has the files from which a net is read."""
    return run.last.exists() and run.config.exists()


def _expand(name: str, runs: Path) -> list[str]:
    """The runs and checkpoints that a wildcard matches; a name without one stands for itself.

    Folders without a checkpoint or a configuration, and old runs, are left out.

    Args:
        name: a path, or its part after `runs`, as `alexcli runs list` shows it.
        runs: directory of the runs.
    """
    if not glob.has_magic(name) or Path(name).exists():
        return [name]
    pattern = str(Path(name).expanduser())
    matches = [Path(match) for match in sorted(glob.glob(pattern) or glob.glob(str(runs / name)))]  # noqa: PTH207
    trained = [
        path
        for path in matches
        if OLD_RUN_MARK not in path.name and (path.suffix == ".ckpt" or _is_run(RunDirectory(path)))
    ]
    if not trained:
        raise UsageError(
            f"no run or checkpoint matches {name}",
            hint="quick start runs are runs/quickstart/s*; alexcli train makes runs",
        )
    return [str(path) for path in trained]
