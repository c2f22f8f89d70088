"""Composing configurations: yaml files and typed overrides, merged into the schema and checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from alexcli.config.composition import ROOTS, chosen_files, composition, user_files
from alexcli.config.files import choices, groups, user_conf_dir
from alexcli.config.from_plain import spec_from_plain
from alexcli.config.user_conf import in_files, with_place
from alexcli.config.validation import check_ranges
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)


def compose(overrides: Sequence[str], schema: type[Spec]) -> Spec:
    """Compose, type-check and range-check a configuration.

    Args:
        overrides: `KEY=VALUE` and `GROUP=CHOICE` as typed. With neither `experiment=` nor `data=`,
            a training takes the quick-start experiment.
        schema: TrainSpec, AnalyzeSpec if only a model is needed, PrepareSpec for a store.

    Raises:
        UsageError: an unknown key or choice, a value of another type or out of range, or no value
            where one is needed.
    """
    try:
        return _compose(overrides, schema)
    except UsageError as error:
        if user_conf_dir() is None:
            raise
        raise _in_user_files(error, overrides, schema) from error


def user_files_of(overrides: Sequence[str], schema: type) -> tuple[Path, ...]:
    """The user's yaml files that a configuration is composed from, relative to their folder.

    Args:
        overrides: as `compose` takes them.
        schema: the dataclass to make.

    Raises:
        UsageError: as `compose`.
    """
    chosen: dict[str, str | None] = {}
    for override in overrides:
        group, _, choice = override.partition("=")
        if group in groups():
            chosen[group] = None if choice == "null" else choice.strip("'\"")
    return user_files(chosen_files(schema, chosen))


def _in_user_files(error: UsageError, overrides: Sequence[str], schema: type[Spec]) -> UsageError:
    """An error with the name of the user's file in which it is, if it is in one."""
    try:
        files = user_files_of(overrides, schema)
    except UsageError:  # the error itself, which names its file
        return error
    placed = with_place(error, files, overrides)
    if placed is not error:
        return placed
    choices_only = [word for word in overrides if word.partition("=")[0] in groups()]
    try:
        _compose(choices_only, schema)
    except UsageError as error_of_files:
        return in_files(error_of_files, files)
    return error


def _compose(overrides: Sequence[str], schema: type[Spec]) -> Spec:
    """Like `compose`, but errors do not say where in a user's file they are."""
    chosen = _plain_choices(overrides, groups() if schema in ROOTS else [])
    if chosen is not None:
        spec = spec_from_plain(composition(chosen_files(schema, chosen)), schema)
        if spec is not None:
            check_ranges(spec)
            return spec
    from alexcli.config.overridden import compose_overridden  # imports Hydra

    return compose_overridden(overrides, schema)


def _plain_choices(
    overrides: Sequence[str], group_names: Sequence[str]
) -> dict[str, str | None] | None:
    """The choice of each group, if only existing choices are typed; None otherwise."""
    chosen: dict[str, str | None] = {}
    for override in overrides:
        group, _, choice = override.partition("=")
        if override == "experiment=null":
            chosen[group] = None
        elif group in group_names and choice in choices(group):
            chosen[group] = choice
        else:
            return None
    return chosen
