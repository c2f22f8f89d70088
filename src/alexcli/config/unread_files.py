"""Yaml files of the user's folder that nothing reads, most likely because of a slip in a name."""

from pathlib import Path
from typing import NamedTuple

from alexcli.config.files import CHOICE_NAME, STUDIES, groups, user_conf_dir
from alexcli.errors import nearest

SUFFIX = ".yaml"
SUFFIXES = (SUFFIX, ".yml")


class UnreadFile(NamedTuple):
    """A file that cannot be chosen where and as it is."""

    path: Path
    reason: str
    """Why it is not read, and what its path should be."""


def unread_files() -> list[UnreadFile]:
    """The yaml files of the user's folder and of the folders in it that are not read."""
    folder = user_conf_dir()
    if folder is None:
        return []
    files = [path for pattern in ("*", "*/*") for path in sorted(folder.glob(pattern))]
    unread = []
    for path in files:
        reason = _reason(path, folder) if path.suffix in SUFFIXES and path.is_file() else None
        if reason:
            unread.append(UnreadFile(path, reason))
    return unread


def _reason(path: Path, folder: Path) -> str | None:
    """Why a yaml file is not read; None if it is."""
    names = [*groups(), STUDIES]
    if path.parent == folder:
        return f"it is in no folder of a group: {', '.join(names)}"
    group = path.parent.name
    if group not in names:
        near = nearest(group, names)
        suggestion = f"did you mean {near}/{path.name}?" if near else f"groups: {', '.join(names)}"
        return f"{group} is no group; {suggestion}"
    if path.suffix != SUFFIX:
        return f"only files with the ending {SUFFIX} are read: {group}/{path.stem}{SUFFIX}"
    if not CHOICE_NAME.fullmatch(path.stem):
        return "its name has other characters than letters, digits, - and _"
    return None
