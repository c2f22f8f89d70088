"""Composing configurations with changes of individual keys."""

import copy
import functools
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from alexcli.config.apply import apply_override
from alexcli.config.composition import ROOTS, ChosenFiles, chosen_files, composition
from alexcli.config.conversion import to_spec
from alexcli.config.files import choices, groups
from alexcli.config.omegaconf_errors import explained
from alexcli.config.overrides import SEVERAL, parse
from alexcli.config.suggestions import suggest_choice
from alexcli.config.unread_files import unread_files
from alexcli.errors import UsageError

Spec = TypeVar("Spec")


def compose_overridden(overrides: Sequence[str], schema: type[Spec]) -> Spec:
    """Compose, type-check and range-check a configuration; see `compose`.

    Args:
        overrides: `KEY=VALUE`, `~KEY` and `GROUP=CHOICE` as typed.
        schema: the dataclass to make.

    Raises:
        UsageError: as `compose`.
    """
    parsed = parse(overrides)
    group_names = groups() if schema in ROOTS else []
    chosen = _choices([override for override in parsed if override.key_or_group in group_names])
    dataclass: type = schema
    merged = _merge_into_schema(dataclass, chosen_files(dataclass, chosen))
    config = copy.deepcopy(merged)  # changes are made in place
    for override in sorted(parsed, key=_chooses_no_schedule):
        if override.key_or_group not in group_names:
            config = apply_override(config, override)
    return cast(Spec, to_spec(config))


def _chooses_no_schedule(override: Override) -> bool:
    """Sort key: kinds of schedules go before their other keys, which a change of kind resets."""
    return not override.key_or_group.endswith((".lr.kind", ".weight_decay.kind"))


def _choices(overrides: Sequence[Override]) -> dict[str, str | None]:
    """The choice of each group that is typed; `experiment=null` chooses none."""
    chosen: dict[str, str | None] = {}
    for override in overrides:
        group = override.key_or_group
        value: Any = override.value()
        if override.is_delete() or override.package or (value is None and group != "experiment"):
            raise UsageError(
                f"{override.input_line!r} leaves no {group}",
                hint=f"{group}=CHOICE; alexcli config list {group}",
            )
        if isinstance(value, list):
            chosen[group] = _several_choices(override, value)
        else:
            chosen[group] = None if value is None else _existing_choice(group, str(value))
    return chosen


def _several_choices(override: Override, values: Sequence[Any]) -> str:
    """Several choices of a group, as Hydra writes them; UsageError if it takes only one."""
    group = override.key_or_group
    if group not in SEVERAL or not values:
        raise UsageError(
            f"{override.input_line!r} does not choose one {group}",
            hint=f"{group}=CHOICE; alexcli config list {group}",
        )
    return f"[{','.join(_existing_choice(group, str(value)) for value in values)}]"


def _existing_choice(group: str, choice: str) -> str:
    """The choice itself; UsageError if its group lacks it."""
    names = choices(group)
    if choice in names:
        return choice
    suggestion = suggest_choice(choice, names)
    hint = f"alexcli config list {group}"
    unread = [file for file in unread_files() if file.path.stem == choice]
    if unread:
        hint = f"{unread[0].path} is not read: {unread[0].reason}"
    elif suggestion:
        hint = f"did you mean {group}={suggestion}?"
    raise UsageError(f"{group}={choice!r} does not exist; there are {', '.join(names)}", hint=hint)


@functools.cache
def _merge_into_schema(schema: type, files: ChosenFiles | None) -> Any:
    """Merge the content of yaml files into OmegaConf's configuration of the schema."""
    config = OmegaConf.structured(schema)
    with explained(config):
        config = OmegaConf.merge(config, composition(files))
    # Without Hydra's flag, typed nodes still refuse unknown keys, but a new layer can be added.
    OmegaConf.set_struct(config, None)
    return config
