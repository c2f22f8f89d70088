"""Finding the yaml files that set a key."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from alexcli.config.files import STUDIES, choice_file, choices, groups
from alexcli.config.yaml_text import read_yaml

EXPERIMENT = "experiment"
"""The group whose files set keys of all groups."""


class SetValue(NamedTuple):
    """A value that a yaml file itself gives to a key."""

    choice: str
    """GROUP=CHOICE."""
    value: Any
    """Plain data."""


def set_values(key: str) -> list[SetValue]:
    """The values that yaml files of all groups give a key, the user's files included.

    Args:
        key: in full, such as `optim.lr` or `model.layers.conv1.std`.

    Returns:
        A value for each file that has the key itself; inherited values are left out.
    """
    return list(_set_values(key))


def _set_values(key: str) -> Iterator[SetValue]:
    group, _, rest = key.partition(".")
    paths = {EXPERIMENT: key, group: rest}
    for name in groups():
        for choice in choices(name) if paths.get(name) else ():
            content = _content(name, choice)
            value = _at(content, paths[name].split("."))
            if value is not None:
                yield SetValue(f"{name}={choice}", value)


def studies_of(key: str) -> list[str]:
    """The studies whose files name a key, which must be a dotted one."""
    if "." not in key:  # the name could also be a word of a sentence
        return []
    word = re.compile(rf"(?<![\w.]){re.escape(key)}(?![\w.])")
    return [
        study
        for study in choices(STUDIES)
        if word.search(choice_file(STUDIES, study).read_text(encoding="utf-8", errors="replace"))
    ]


def _content(group: str, choice: str) -> Any:
    """The content of a yaml file; None for a user's file that cannot be read."""
    try:
        return read_yaml(choice_file(group, choice).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _at(content: Any, names: list[str]) -> Any:
    """The value within nested mappings; None if there is none."""
    for name in names:
        if not isinstance(content, dict):
            return None
        content = content.get(name)
    return content
