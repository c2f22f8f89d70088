"""Finding runs: the newest one, and those that a user names.

A name is one for every command: a path or its part after the directory of runs, of a run, of a
folder with a single run, or a wildcard.

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


def find_checkpoints(
    names: Sequence[str],
    runs: Path,
    kinds: Sequence[str] = ("train",),
    *,
    reporter: Reporter | None = None,
) -> list[RunCheckpoint]:
    """The checkpoints that a user names, without duplicates.

    Args:
        names: of runs and checkpoints, see `find_checkpoint`, and wildcards, which mean all that
            they match and which a shell may have left unexpanded; without any, the newest finished
            run is meant.
        runs: directory searched for the newest run.
        kinds: which runs may be the newest one: `train`, `import`.
        reporter: receives the name of the newest run if none is named.

    Raises:
        UsageError: a name that matches no run, or several without a wildcard; or no run is
            finished.
    """
    if not names:
        run = newest(runs, kinds)
        if reporter is not None:
            reporter.note(f"the newest finished run: {run.path}")
        return [RunCheckpoint(run, run.last)]
    by_file: dict[Path, RunCheckpoint] = {}
    for name in names:
        is_wildcard = glob.has_magic(name) and not Path(name).exists()
        for checkpoint in _expand(name, runs) if is_wildcard else [find_checkpoint(name, runs)]:
            by_file[checkpoint.path.resolve()] = checkpoint
    return list(by_file.values())


def single_checkpoint(
    names: Sequence[str], runs: Path, *, reporter: Reporter | None = None
) -> RunCheckpoint:
    """The one checkpoint that a user names, or that of the newest trained or imported run.

    Args:
        names: of a run or a checkpoint; empty for the newest run.
        runs: directory searched for the newest run.
        reporter: receives the name of the newest run if none is named.

    Raises:
        UsageError: the names match several or none.
    """
    checkpoints = find_checkpoints(names, runs, kinds=("train", "import"), reporter=reporter)
    if len(checkpoints) > 1:
        raise UsageError(
            f"{' '.join(names)} matches {plural(len(checkpoints), 'run')}",
            hint=f"name one of them, such as {checkpoints[0].path}",
        )
    return checkpoints[0]


def newest(runs: Path, kinds: Sequence[str] = ("train",)) -> RunDirectory:
    """The run that finished last, except for arms of ablations and old runs.

    Args:
        runs: directory to search.
        kinds: `train`, `import`.

    A run whose result.json is damaged is passed over, as long as there is another one.

    Raises:
        UsageError: there is none.
    """
    check_runs_folder(runs)
    by_time: dict[str, RunDirectory] = {}
    damage: UsageError | None = None
    for file in runs.glob(f"*/*/{run_files.RESULT}"):
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


def find_checkpoint(name: str, runs: Path) -> RunCheckpoint:
    """The checkpoint that a name means: a checkpoint file, or the last one of a run.

    Args:
        name: a file, as a path or as its part after `runs`, or a run as `find_run` takes it.
        runs: directory of the runs.

    Raises:
        UsageError: the name means no checkpoint, or several runs.
    """
    for path in (Path(name).expanduser(), runs / name):
        if path.is_file():
            return _checkpoint_of(path)
    run = find_run(name, runs, run_files.LAST)
    return RunCheckpoint(run, run.last)


def find_run(name: str, runs: Path, file: str = run_files.CONFIG) -> RunDirectory:
    """The one run that a name means.

    Args:
        name: a run directory, a folder with a single run in it, such as that of a label, or a
            wildcard that matches one run; each as a path, or as its part after `runs`, as `alexcli
            runs list` shows it.
        runs: directory of the runs.
        file: which a directory must hold beside its configuration to be meant.

    Raises:
        UsageError: the name means no run, or several.
    """
    matches = matching_runs(name, runs, file)
    if not matches:
        raise _no_run(name, runs, file)
    if len(matches) > 1:
        raise UsageError(
            f"{name} matches {plural(len(matches), 'run')}",
            hint=f"name one of them: {_listed([run.path for run in matches])}",
        )
    return matches[0]


def matching_runs(name: str, runs: Path, file: str = run_files.CONFIG) -> list[RunDirectory]:
    """All runs that a name means; the arguments are those of `find_run`.

    Runs that were kept when others replaced them are meant by their own names only.

    Raises:
        UsageError: the name is empty, as that of an unset variable of a shell.
    """
    if not name:
        raise UsageError(
            "the name of a run is empty",
            hint=f"{RUN_HINT}; without a name, commands take the newest run",
        )
    is_old_meant = OLD_RUN_MARK in str(Path(name).expanduser())
    for root in (Path(), runs):
        matches = [
            run
            for folder in _paths(name, root)
            for run in _runs_at(folder, file)
            if is_old_meant or OLD_RUN_MARK not in run.name
        ]
        if matches:
            return matches
    return []


def _paths(name: str, root: Path) -> list[Path]:
    """The existing paths that a name or wildcard means below a folder."""
    expanded = Path(name).expanduser()
    path = root / expanded
    if path.exists():
        return [path]
    pattern = Path(glob.escape(str(root))) / expanded
    return [Path(match) for match in sorted(glob.glob(str(pattern)))]  # noqa: PTH207


def _runs_at(folder: Path, file: str) -> list[RunDirectory]:
    """The run whose directory a folder is, or else every run up to two levels below it.

    Args:
        folder: that of a run, of a label, or of all runs.
        file: which a directory must hold beside its configuration.
    """
    for depth in ("", "*/", "*/*/"):
        directories = [RunDirectory(path.parent) for path in sorted(folder.glob(f"{depth}{file}"))]
        runs = [run for run in directories if run.config.exists()]
        if runs:
            return runs
    return []


def _checkpoint_of(file: Path) -> RunCheckpoint:
    """A checkpoint file with its run; UsageError for any other file."""
    run = RunDirectory(file.parent)
    if not run.config.exists():
        raise UsageError(
            f"{file} is not a checkpoint of a run: there is no config.yaml beside it",
            hint="a checkpoint needs the config.yaml of its run beside it",
        )
    return RunCheckpoint(run, file)


def _no_run(name: str, runs: Path, file: str) -> UsageError:
    """The error for a name that means no run."""
    for folder in (Path(name).expanduser(), runs / name):
        if folder.is_dir():
            missing = run_files.CONFIG if (folder / file).exists() else file
            kind = "checkpoint " if missing == run_files.LAST else ""
            hint = _images_hint(folder) or _existing_hint(runs) or RUN_HINT
            return UsageError(f"{folder} holds no {kind}{missing}", hint=hint)
    path = Path(name)
    near = nearest(path.name, sibling_names(path))
    existing = _existing_hint(runs) or "alexcli train makes runs"
    return UsageError(
        f"there is no run or checkpoint {name}",
        hint=f"did you mean {path.parent / near}?" if near else existing,
    )


def _images_hint(folder: Path) -> str | None:
    """A hint with the key for a folder of images that was named in place of a run."""
    from alexcli.data.file_names import holds_images  # imports numpy and Pillow

    return f"images are named by a key: data.root={folder}" if holds_images(folder) else None


def _existing_hint(runs: Path) -> str | None:
    """A hint with the newest runs of a directory, if there are any."""
    newest_first = sorted(
        (run for run in _runs_at(runs, run_files.LAST) if OLD_RUN_MARK not in run.name),
        key=lambda run: run.last.stat().st_mtime,
        reverse=True,
    )
    if not newest_first:
        return None
    names = _listed([run.path for run in newest_first])
    return f"did you mean {names}?" if len(newest_first) == 1 else f"there are {names}"


def _listed(paths: Sequence[Path]) -> str:
    """The first of some runs, and how to see the others."""
    more = "; alexcli runs list shows all" if len(paths) > RUNS_IN_HINT else ""
    return ", ".join(str(path) for path in paths[:RUNS_IN_HINT]) + more


def _expand(name: str, runs: Path) -> list[RunCheckpoint]:
    """The checkpoints that a wildcard matches: files, or the last ones of all runs it means."""
    files = [
        path
        for root in (Path(), runs)
        for path in _paths(name, root)
        if path.suffix == ".ckpt" and OLD_RUN_MARK not in path.parent.name
    ]
    if files:
        return [_checkpoint_of(file) for file in files]
    matches = matching_runs(name, runs, run_files.LAST)
    if not matches:
        raise UsageError(
            f"no run or checkpoint matches {name}",
            hint="quick start runs are runs/quickstart/s*; alexcli train makes runs",
        )
    return [RunCheckpoint(run, run.last) for run in matches]
