"""Caching what Hydra composes from a choice of yaml files.

Hydra takes half a second each time, for its import and for reading its own and our files. A
composition depends only on the files and the choice, so it is composed once.
"""

import contextlib
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from alexcli import __version__
from alexcli.config.files import conf_dir, groups, user_choices, user_conf_dir
from alexcli.config.yaml_text import read_yaml_file
from alexcli.errors import AlexcliError
from alexcli.files import cache_dir, write_atomic
from alexcli.schema import AnalyzeSpec, TrainSpec

ROOTS: dict[type, str] = {TrainSpec: "train", AnalyzeSpec: "analyze"}
"""The yaml file that lists the groups of each schema; other schemas have no groups."""

QUICK_START = "quickstart"
"""The experiment of a training that chooses neither an experiment nor data."""


class ChosenFiles(NamedTuple):
    """The yaml files that a configuration is composed from."""

    root: str
    """The file that lists the groups."""
    choices: tuple[str, ...]
    """GROUP=CHOICE, for each that differs from the root's."""
    folder: str
    """The folder of yaml files."""
    user_folder: str | None = None
    """The user's own folder, if it adds to a group."""
    user_digest: str = ""
    """Digest of the content of its files, which may change during the life of a process."""


def chosen_files(schema: type, chosen: Mapping[str, str | None]) -> ChosenFiles | None:
    """The yaml files of a configuration; None for a schema without groups.

    Args:
        schema: what is composed.
        chosen: the choice of each group that is typed; None for no choice at all. With neither
            `experiment` nor `data`, a training takes the quick-start experiment.
    """
    root = ROOTS.get(schema)
    if root is None:
        return None
    if schema is TrainSpec and "experiment" not in chosen and "data" not in chosen:
        chosen = {**chosen, "experiment": QUICK_START}
    named = [f"{group}={choice}" for group, choice in chosen.items() if choice is not None]
    return ChosenFiles(root, tuple(named), str(conf_dir()), *_user_folder())


def _user_folder() -> tuple[str | None, str]:
    """The user's folder, and a digest of its files; None if it adds to no group."""
    digest = hashlib.sha256()
    files = [path for group in groups() for path in user_choices(group).values()]
    for path in files:
        content = b""
        with contextlib.suppress(OSError):  # reported when it is read
            content = path.read_bytes()
        digest.update(f"{path} {len(content)} ".encode(errors="surrogateescape") + content)
    return (str(user_conf_dir()), digest.hexdigest()) if files else (None, "")


def user_files(files: ChosenFiles | None) -> tuple[Path, ...]:
    """The files of the user's folder that a configuration is composed from, relative to it."""
    if files is None or files.user_folder is None:
        return ()
    return _with_user_files(files)[1]


@functools.cache
def _with_user_files(files: ChosenFiles) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """The merged content of yaml files, and which are the user's; never in the disk cache."""
    from alexcli.config.hydra_compose import compose_files  # imports Hydra

    assert files.user_folder is not None
    return compose_files(files.root, files.choices, Path(files.folder), Path(files.user_folder))


@functools.cache
def composition(files: ChosenFiles | None) -> dict[str, Any]:
    """The merged content of yaml files: nested mappings, not to be changed.

    Args:
        files: what is composed; None for nothing.

    Raises:
        UsageError: the files do not fit together.
    """
    if files is None:
        return {}
    if files.user_folder is not None:
        return _with_user_files(files)[0]
    path = _cache_path(files)
    mapping = _read(path) if path else None
    if mapping is None:
        from alexcli.config.hydra_compose import compose_files  # imports Hydra

        mapping = compose_files(files.root, files.choices, Path(files.folder)).mapping
        if path:
            _write(path, mapping)
    return mapping


def _cache_path(files: ChosenFiles) -> Path | None:
    """The file of a composition in the cache; None if there can be no cache."""
    digest = hashlib.sha256(f"{__version__} {files.root} {files.choices}".encode())
    digest.update(_files_digest(files.folder))
    with contextlib.suppress(AlexcliError):
        return cache_dir() / "compositions" / f"{digest.hexdigest()[:16]}.yaml"
    return None


@functools.cache
def _files_digest(folder: str) -> bytes:
    """A digest of the names and the content of all yaml files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*.yaml")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)} ".encode())
        digest.update(content)
    return digest.digest()


def _read(path: Path) -> dict[str, Any] | None:
    """A composition from the cache; None if it is missing or damaged."""
    try:
        mapping = read_yaml_file(path)
    except (OSError, ValueError):
        return None
    return mapping if isinstance(mapping, dict) else None


def _write(path: Path, mapping: dict[str, Any]) -> None:
    """Put a composition into the cache, if it is writable."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, yaml.safe_dump(mapping, sort_keys=False))
