"""The tables of `alexcli config explain`."""

from collections.abc import Mapping, Sequence
from typing import Any

from alexcli.config.keys import Key
from alexcli.config.set_in import SetValue
from alexcli.tables import Table

TYPED = {"train": "train", "analyze": "analyze NAME", "prepare": "data prepare SOURCE DEST"}
"""The words before a key on the command line, by the command that takes it."""


def sections_table(sections: Sequence[Key]) -> Table:
    """The top level of a configuration, a line each.

    Args:
        sections: its keys and sections.
    """
    rows = [
        {"key": key.name, "meaning": key.meaning(), "takes": key.takes() or f"{key.name}.KEY"}
        for key in sections
    ]
    note = (
        "alexcli config explain KEY tells more of each, such as model, model.lrn or optim.lr; "
        "alexcli config list experiment has the files that set keys of all groups"
    )
    return Table.from_records("the top level", rows, note)


def command_table(command: str, keys: Sequence[Key]) -> Table:
    """The keys that one command has besides those of a net.

    Args:
        command: as `config.keys.SCHEMAS` names it.
        keys: without sections.
    """
    return keys_table(f"keys of alexcli {TYPED[command]}", keys)


def keys_table(title: str, keys: Sequence[Key], note: str | None = None) -> Table:
    """Keys, a line each.

    Args:
        title: shown above them.
        keys: without sections.
        note: what a reader must know; shown below them.
    """
    rows = [
        {
            "key": key.name,
            "meaning": key.meaning(),
            "takes": key.takes(),
            "default": key.default_text(),
        }
        for key in keys
    ]
    return Table.from_records(title, rows, note)


def key_table(name: str, key: Key, set_values: Sequence[SetValue], studies: Sequence[str]) -> Table:
    """Everything about one key, a line each.

    Args:
        name: the key as it was typed.
        key: what it is.
        set_values: its values in yaml files.
        studies: the studies that name it.
    """
    setters: dict[str, list[str]] = {}
    for set_value in set_values:
        setters.setdefault(str(set_value.value), []).append(set_value.choice)
    lines = {
        "meaning": key.meaning(),
        "takes": key.takes(),
        "default": key.default_text(),
        "paper": f"section {key.paper_section()}" if key.paper_section() else "",
        "set": "; ".join(f"{value} in {', '.join(files)}" for value, files in setters.items()),
        "studies": ", ".join(studies),
        "typed": f"alexcli {TYPED[key.command]} {_example(name, key)}",
    }
    rows = [{"": line, name: text} for line, text in lines.items() if text]
    return Table.from_records(name, rows)


def key_record(
    name: str, key: Key, set_values: Sequence[SetValue], studies: Sequence[str]
) -> Mapping[str, Any]:
    """Everything about one key, for programs; see `key_table`."""
    return {
        "key": name,
        "command": key.command,
        "meaning": key.meaning(),
        "takes": key.takes(),
        "choices": key.choices,
        "default": key.default_text(),
        "paper_section": key.paper_section(),
        "set": [set_value._asdict() for set_value in set_values],
        "studies": list(studies),
    }


def _example(name: str, key: Key) -> str:
    """How a key is typed."""
    value = key.choices[-1] if key.choices else key.default_text()
    has_none = value in ("null", "(must be given)", "[]", "{}")
    return f"{name}={'VALUE' if has_none else value}"
