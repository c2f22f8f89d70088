"""The yaml files of `conf/`: where they are, which choices each group has, what each is about.

A user's folder adds choices to those of the package: `conf` in the working folder, or the one that
`--conf DIR` or $ALEXCLI_CONF names. The package's names keep their meaning.
"""

import os
import re
from pathlib import Path

STUDIES = "ablation"
"""The folder of studies, which only `alexcli ablate` reads."""

CONF_VARIABLE = "ALEXCLI_CONF"
"""Names the user's folder, also for child processes; empty means no such folder."""

CHOICE_NAME = re.compile(r"\w[\w-]*", re.ASCII)
"""The name of a yaml file that can be typed as a choice."""

COMMENT = re.compile(r"^#(?!.*@package)(.*)", re.MULTILINE)
"""A comment line that is not a directive of Hydra."""


def conf_dir() -> Path:
    """The folder of yaml files: inside the installed package, or beside `src` in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "conf"
    checkout = package.parent.parent / "conf"
    return installed if installed.is_dir() else checkout


def results_dir() -> Path:
    """The folder of recorded results: inside the installed package, or beside `src`."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "results"
    checkout = package.parent.parent / "results"
    return installed if installed.is_dir() else checkout


def groups() -> list[str]:
    """The groups from which a configuration is composed, such as `model`."""
    folders = {path.name for path in conf_dir().iterdir() if path.is_dir()}
    return sorted(folders - {STUDIES})


def user_conf_dir() -> Path | None:
    """The folder of the user's own yaml files; None if there is none."""
    named = os.environ.get(CONF_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    folder = Path("conf").absolute()
    is_own = folder.is_dir() and not folder.samefile(conf_dir())  # in a checkout it is ours
    return folder if is_own else None


def user_choices(group: str) -> dict[str, Path]:
    """The yaml files of a group in the user's folder, by the names of the choices."""
    folder = user_conf_dir()
    if folder is None:
        return {}
    return {
        path.stem: path
        for path in sorted((folder / group).glob("*.yaml"))
        if CHOICE_NAME.fullmatch(path.stem) and path.is_file()
    }


def package_choices(group: str) -> dict[str, Path]:
    """The yaml files of a group in the package, by the names of the choices."""
    return {path.stem: path for path in sorted((conf_dir() / group).glob("*.yaml"))}


def choices(group: str) -> list[str]:
    """The choices of a group: the names of its yaml files, the package's and the user's."""
    return sorted({**user_choices(group), **package_choices(group)})


def every_choice() -> list[str]:
    """Every `GROUP=CHOICE` that can be typed."""
    return [f"{group}={choice}" for group in groups() for choice in choices(group)]


def choice_file(group: str, choice: str) -> Path:
    """The yaml file of a choice, which exists."""
    return {**user_choices(group), **package_choices(group)}[choice]


def describe(group: str, choice: str) -> str:
    """The first comment line of a yaml file, which says what it is."""
    text = choice_file(group, choice).read_text(encoding="utf-8", errors="replace")
    comment = COMMENT.search(text)
    return comment.group(1).strip() if comment else ""
