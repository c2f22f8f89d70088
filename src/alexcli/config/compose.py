"""Composing configurations: yaml files and typed overrides, merged into the schema and checked."""

import copy
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from alexcli.config.apply import apply_override
from alexcli.config.conversion import to_spec
from alexcli.config.files import choices, conf_dir, groups
from alexcli.config.omegaconf_errors import explained
from alexcli.config.overrides import parse
from alexcli.config.suggestions import suggest_choice
from alexcli.config.typed import typed
from alexcli.config.validation import check_ranges
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)

ROOTS: dict[type, str] = {TrainSpec: "train", AnalyzeSpec: "analyze"}
"""The yaml file that lists the groups of a schema; the other schemas have no groups."""

QUICK_START = "quickstart"
"""The experiment of a training that chooses neither an experiment nor data."""


class ChosenFiles(NamedTuple):
    """Which yaml files a configuration is composed from."""

    schema: type
    choices: tuple[str, ...]
    """GROUP=CHOICE where it differs from the root's."""
    folder: str
    """The folder of yaml files."""


def compose(overrides: Sequence[str], schema: type[Spec]) -> Spec:
    """Compose, type-check and range-check a configuration.

    Args:
        overrides: `KEY=VALUE` and `GROUP=CHOICE` as typed. With neither `experiment=` nor `data=`,
            a training takes the quick-start experiment.
        schema: TrainSpec, AnalyzeSpec where only a model is needed, PrepareSpec for a store.

    Raises:
        UsageError: an unknown key or choice, a value of another type or out of range, or no value
            where one is needed.
    """
    parsed = parse(overrides)
    group_names = groups() if schema in ROOTS else []
    typed_choices = [override for override in parsed if override.key_or_group in group_names]
    changes = [override for override in parsed if override.key_or_group not in group_names]
    files = _chosen_files(schema, typed_choices)
    if not changes:
        mapping: Any = OmegaConf.to_container(_read(files))
        spec = typed(mapping, schema)
        if spec is not None:
            check_ranges(spec)
            return spec
    config = copy.deepcopy(_merge_into_schema(files))  # a copy, because changes are made in place
    for change in changes:
        config = apply_override(config, change)
    return cast(Spec, to_spec(config))


def _chosen_files(schema: type[Spec], overrides: Sequence[Override]) -> ChosenFiles:
    """The yaml files of a configuration.

    Args:
        schema: what is composed.
        overrides: `GROUP=CHOICE`.
    """
    chosen = _choices(overrides)
    if schema is TrainSpec and "experiment" not in chosen and "data" not in chosen:
        chosen["experiment"] = QUICK_START
    named = [f"{group}={choice}" for group, choice in chosen.items() if choice is not None]
    return ChosenFiles(schema, tuple(named), str(conf_dir()))


def _choices(overrides: Sequence[Override]) -> dict[str, str | None]:
    """The choice of each group that is typed; `experiment=null` chooses none."""
    chosen: dict[str, str | None] = {}
    for override in overrides:
        group = override.key_or_group
        value = override.value()
        if override.is_delete() or override.package or (value is None and group != "experiment"):
            raise UsageError(
                f"{override.input_line!r} leaves no {group}",
                hint=f"{group}=CHOICE; alexcli config list {group}",
            )
        chosen[group] = None if value is None else _check_choice(group, str(value))
    return chosen


def _check_choice(group: str, choice: str) -> str:
    """The choice itself; UsageError where its group lacks it."""
    names = choices(group)
    if choice in names:
        return choice
    suggestion = suggest_choice(choice, names)
    hint = f"alexcli config list {group}"
    if suggestion:
        hint = f"did you mean {group}={suggestion}?"
    raise UsageError(f"{group}={choice!r} does not exist; there are {', '.join(names)}", hint=hint)


@functools.cache
def _read(files: ChosenFiles) -> Any:
    """The content of yaml files, composed, once for each choice: Hydra takes 0.2 s each time."""
    empty = OmegaConf.create()
    if files.schema not in ROOTS:
        return empty
    GlobalHydra.instance().clear()
    with explained(empty), initialize_config_dir(files.folder, version_base="1.3"):
        return hydra_compose(ROOTS[files.schema], overrides=list(files.choices))


@functools.cache
def _merge_into_schema(files: ChosenFiles) -> Any:
    """The content of yaml files in OmegaConf's configuration of the schema."""
    config = OmegaConf.structured(files.schema)
    with explained(config):
        config = OmegaConf.merge(config, _read(files))
    # Without Hydra's flag, typed nodes still refuse unknown keys, but a new layer can be added.
    OmegaConf.set_struct(config, None)
    return config
