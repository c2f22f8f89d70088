"""The yaml files of `conf/`: where they lie, which choices each group has, what each is about."""

import re
from pathlib import Path

STUDIES = "ablation"
"""The folder of studies, which only `alexcli ablate` reads."""

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


def choices(group: str) -> list[str]:
    """The choices of a group: the names of its yaml files."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def every_choice() -> list[str]:
    """Every `GROUP=CHOICE` that can be typed."""
    return [f"{group}={choice}" for group in groups() for choice in choices(group)]


def describe(group: str, choice: str) -> str:
    """The first comment line of a yaml file, which says what it is."""
    path = conf_dir() / group / f"{choice}.yaml"
    comment = COMMENT.search(path.read_text(encoding="utf-8"))
    return comment.group(1).strip() if comment else ""
