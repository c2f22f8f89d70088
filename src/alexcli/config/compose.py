"""Composing configurations: yaml files and typed overrides, merged into the schema and checked."""

import copy
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from alexcli.config.files import choices, conf_dir, groups
from alexcli.config.omegaconf_errors import explained
from alexcli.config.overrides import parse
from alexcli.config.suggestions import suggest_choice
from alexcli.config.validation import to_spec
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)

ROOTS: dict[type, str] = {TrainSpec: "train", AnalyzeSpec: "analyze"}
"""The yaml file that lists the groups of a schema; the other schemas have no groups."""

EVALUATION_GROUPS = ("data", "eval", "placement", "trainer")
"""The groups that may differ when a trained net is evaluated."""

QUICK_START = "quickstart"
"""The experiment of a training that chooses neither an experiment nor data."""


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
    config: Any
    if schema in ROOTS:
        group_names = groups()
        chosen = _choices([override for override in parsed if override.key_or_group in group_names])
        if schema is TrainSpec and "experiment" not in chosen and "data" not in chosen:
            chosen["experiment"] = QUICK_START
        config = _compose_groups(schema, chosen)
        parsed = [override for override in parsed if override.key_or_group not in group_names]
    else:
        config = OmegaConf.structured(schema)
    for override in parsed:
        config = _apply(config, override)
    return cast(Spec, to_spec(config))


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


def _compose_groups(schema: type[Spec], chosen: dict[str, str | None]) -> Any:
    """The yaml files of the chosen groups, merged into the schema.

    Args:
        schema: one of ROOTS.
        chosen: the choice of each group that differs from the root's; None for no choice at all.
    """
    overrides = [f"{group}={choice}" for group, choice in chosen.items() if choice is not None]
    # A copy, because overrides change it.
    return copy.deepcopy(_read_groups(ROOTS[schema], tuple(overrides), str(conf_dir())))


@functools.cache
def _read_groups(root: str, overrides: tuple[str, ...], folder: str) -> Any:
    """Read and merge yaml files, once for each choice of groups: Hydra takes 0.3 s each time.

    Args:
        root: the yaml file that lists the groups.
        overrides: GROUP=CHOICE.
        folder: with the yaml files.
    """
    (schema,) = (schema for schema, name in ROOTS.items() if name == root)
    config = OmegaConf.structured(schema)
    GlobalHydra.instance().clear()
    with explained(config), initialize_config_dir(folder, version_base="1.3"):
        config = OmegaConf.merge(config, hydra_compose(root, overrides=list(overrides)))
    # Without Hydra's flag, typed nodes still refuse unknown keys, but a new layer can be added.
    OmegaConf.set_struct(config, None)
    return config


def from_mapping(mapping: Any, schema: type[Spec], *, source: Path) -> Spec:
    """A configuration from plain data, such as a run's config.yaml, which a stranger may have made.

    Args:
        mapping: nested mappings, of any content.
        schema: the dataclass that it must fit.
        source: the file that the data comes from, for messages.

    Raises:
        UsageError: not a mapping, an interpolation (it could read this machine's environment), or
            anything that `compose` refuses.
    """
    if not isinstance(mapping, dict):
        raise UsageError(f"{source} is not a configuration: {type(mapping).__name__}")
    _refuse_interpolation(yaml.safe_dump(mapping), str(source))
    config = OmegaConf.structured(schema)
    with explained(config, source=str(source)):
        config = OmegaConf.merge(config, mapping)
        return cast(Spec, to_spec(config))


def override_run(spec: TrainSpec, overrides: Sequence[str]) -> TrainSpec:
    """A run's configuration with other data or another way to evaluate.

    Args:
        spec: the run's configuration.
        overrides: of `data.*`, `eval.*`, `placement.*` or `trainer.*`, or `data=CHOICE` for a whole
            group.

    Raises:
        UsageError: another key, which would change the net that was trained, or anything that
            `compose` refuses.
    """
    config = OmegaConf.structured(spec)
    group_names = groups()
    for override in parse(overrides):
        group = override.key_or_group
        typed = override.input_line or ""
        _refuse_interpolation(typed, "the command line")
        _refuse_training_key(config, override, group_names)
        if override.is_delete():
            raise UsageError(f"{typed!r} leaves nothing to evaluate with")
        if group in group_names:
            config[group] = getattr(compose(["experiment=null", typed], TrainSpec), group)
        else:
            config = _apply(config, override)
    return cast(TrainSpec, to_spec(config))


def _refuse_training_key(config: Any, override: Override, group_names: Sequence[str]) -> None:
    """UsageError where an override would change the net that was trained."""
    key = override.key_or_group
    if key.partition(".")[0] in EVALUATION_GROUPS:
        return
    if key not in group_names:
        _apply(config, override)  # raises first where the key does not exist at all
    allowed = ", ".join(f"{group}.*" for group in EVALUATION_GROUPS)
    raise UsageError(
        f"{override.input_line!r} would change a net that is already trained; "
        f"allowed are {allowed}",
        hint="alexcli train trains another net",
    )


def _refuse_interpolation(text: str, source: str) -> None:
    """UsageError for a text from which OmegaConf would read the environment of this machine."""
    if "${" in text:
        raise UsageError(
            f"{source} contains an interpolation (${{...}}), which a saved configuration never has"
        )


def _apply(config: Any, override: Override) -> Any:
    """The configuration with one key set, or removed; UsageError where it cannot be."""
    key = override.key_or_group
    value = None if override.is_delete() else override.value()
    if value == "???":  # OmegaConf's marker of a missing value
        raise UsageError(f"{key} has no value", hint=f"{key}=VALUE")
    change = OmegaConf.create()
    OmegaConf.update(change, key, value)
    with explained(config, override=override):
        if key.endswith(".steps"):
            # Typed steps are the whole schedule: without this they would be added to the file's.
            steps = OmegaConf.select(config, key, throw_on_resolution_failure=False)
            if steps:
                steps.clear()
        return OmegaConf.merge(config, change)
