"""Composing yaml files with Hydra."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from alexcli.config.omegaconf_errors import explained
from alexcli.config.sections import check_group_file
from alexcli.config.user_conf import (
    defaults_explained,
    reachable_user_files,
    read_user_file,
    used_user_files,
)


class Composed(NamedTuple):
    """What Hydra composes from a choice of yaml files."""

    mapping: dict[str, Any]
    """Their merged content."""
    user_files: tuple[Path, ...]
    """The user's files among them, relative to their folder."""


def compose_files(
    root: str, choices: Sequence[str], folder: Path, user_folder: Path | None = None
) -> Composed:
    """Merge the content of yaml files.

    Args:
        root: the file that lists the groups, without its ending.
        choices: GROUP=CHOICE, for each that differs from the root's.
        folder: the folder of yaml files.
        user_folder: the user's folder, whose files are used if the other has none of the name.

    Raises:
        UsageError: the files do not fit together, or one of the user's cannot be read or has the
            name of one of the package's.
    """
    with explained(OmegaConf.create()), initialized(folder):
        if user_folder is None:
            return Composed(_content(root, choices), ())
        reached = reachable_user_files(choices, folder, user_folder)
        for path in reached:
            check_group_file(path, read_user_file(path))
        overrides = [*choices, f"hydra.searchpath=['file://{_quoted(str(user_folder))}']"]
        with defaults_explained(reached):
            names = list(_names(root, overrides))
            user_files = used_user_files(names, folder, user_folder)
            return Composed(_content(root, overrides), user_files)


@contextlib.contextmanager
def initialized(folder: Path) -> Iterator[None]:
    """Initialize Hydra for the files of a folder, within the block."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(folder), version_base="1.3"):
        yield


def _content(root: str, overrides: Sequence[str]) -> dict[str, Any]:
    """What Hydra composes, as nested mappings."""
    mapping: Any = OmegaConf.to_container(compose(root, overrides=list(overrides)))
    return dict(mapping)


def _quoted(text: str) -> str:
    """Text escaped for single quotes in Hydra's grammar."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _names(root: str, overrides: list[str]) -> Iterator[str]:
    """The files that a composition reads, each as GROUP/CHOICE."""
    loader = GlobalHydra.instance().config_loader()
    for entry in loader.compute_defaults_list(root, overrides, RunMode.RUN).defaults:
        if entry.config_path and "/" in entry.config_path:
            yield entry.config_path
