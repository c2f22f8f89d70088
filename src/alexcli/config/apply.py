"""Setting or removing one key of a configuration by an override."""

from collections.abc import Iterator
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from alexcli.config.omegaconf_errors import explained
from alexcli.errors import UsageError, nearest
from alexcli.schema import Schedule, ScheduleSpec

KEYS_OF_ONE_KIND = ("steps", "factor", "parts", "per")
"""The keys of a schedule that only some kinds read; every kind reads `base`."""


def apply_override(config: Any, override: Override) -> Any:
    """The configuration with one key set, or removed.

    Args:
        config: an OmegaConf configuration with a schema.
        override: `KEY=VALUE` or `~KEY`, parsed.

    Raises:
        UsageError: an unknown key, a value of another type, or a layer or group to remove that is
            not there.
    """
    key = override.key_or_group
    value = None if override.is_delete() else override.value()
    if value is None:
        _check_removed(config, key, override)
    if value == "???":  # OmegaConf's marker of a missing value
        raise UsageError(f"{key} has no value", hint=f"{key}=VALUE")
    change = OmegaConf.create()
    with explained(config, override=override):
        OmegaConf.update(change, key, value)
        if key.endswith(".steps"):
            # Typed steps replace the schedule: without this they would be added to the file's.
            steps = OmegaConf.select(config, key, throw_on_resolution_failure=False)
            if isinstance(steps, DictConfig):  # `range_test.steps` is a number
                steps.clear()
        for schedule, kind in _kinds(key, value):
            _forget_other_kind(OmegaConf.select(config, schedule), kind)
        return OmegaConf.merge(config, change)


def _check_removed(config: Any, key: str, override: Override) -> None:
    """Raise UsageError if a mapping, of layers or groups, lacks the entry that is to be removed.

    Otherwise a misspelt name would silently leave the net unchanged.
    """
    section, _, name = key.rpartition(".")
    entries = OmegaConf.select(config, section) if section else None
    if not isinstance(entries, DictConfig) or OmegaConf.get_type(entries) is not dict:
        return  # a section, whose keys the schema knows
    if name in entries:
        return
    names = [str(entry) for entry in entries]
    near = nearest(name, names)
    raise UsageError(
        f"{override.input_line!r} removes nothing: {section} has {', '.join(names)}",
        hint=f"did you mean {section}.{near}=null?" if near else f"{section}.NAME=null",
    )


def _kinds(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every kind that an override chooses at or below its key, with the key of its schedule."""
    section, _, name = key.rpartition(".")
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _kinds(f"{key}.{inner}", item)
    elif name == "kind":
        yield section, str(value)


def _forget_other_kind(node: Any, kind: str) -> None:
    """Reset the keys of a schedule whose kind changes, or it would keep the old kind's values.

    A constant schedule reads none of them, but keeps them, because they enter a run's fingerprint.
    """
    if not isinstance(node, DictConfig) or OmegaConf.get_type(node) is not ScheduleSpec:
        return
    if kind in (node.kind.name, Schedule.constant.name):
        return
    default = ScheduleSpec()
    for name in KEYS_OF_ONE_KIND:
        node[name] = getattr(default, name)
