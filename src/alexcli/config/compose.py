"""Composing configurations: yaml files and typed overrides, merged into the schema and checked."""

from collections.abc import Sequence
from typing import TypeVar

from alexcli.config.composition import ROOTS, chosen_files, composition
from alexcli.config.files import choices, groups
from alexcli.config.typed import typed
from alexcli.config.validation import check_ranges
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec, TrainSpec

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec)


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
    chosen = _plain_choices(overrides, groups() if schema in ROOTS else [])
    if chosen is not None:
        spec = typed(composition(chosen_files(schema, chosen)), schema)
        if spec is not None:
            check_ranges(spec)
            return spec
    from alexcli.config.overridden import compose_overridden  # imports Hydra

    return compose_overridden(overrides, schema)


def _plain_choices(
    overrides: Sequence[str], group_names: Sequence[str]
) -> dict[str, str | None] | None:
    """The choice of each group, where nothing is typed but choices that exist; None elsewhere."""
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
