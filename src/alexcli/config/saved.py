"""A configuration from plain data, such as a run's config.yaml."""

from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from alexcli.config.from_plain import spec_from_plain
from alexcli.config.validation import check_ranges
from alexcli.config.yaml_text import read_yaml
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, LedgerSpec, PrepareSpec, StudySpec, TrainSpec

SAVED_HINT = "a run's config.yaml shows the form; alexcli train writes it"

Spec = TypeVar("Spec", TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec, LedgerSpec)


def from_mapping(mapping: Any, schema: type[Spec], *, source: Path) -> Spec:
    """Convert untrusted plain data to a configuration.

    Args:
        mapping: nested mappings, of any content.
        schema: the dataclass that it must fit.
        source: the file that the data comes from, for messages.

    Raises:
        UsageError: not a mapping, an interpolation (it could read this machine's environment), or
            anything that `compose` refuses.
    """
    if not isinstance(mapping, dict):
        raise UsageError(
            f"{source} is not a configuration: {type(mapping).__name__}", hint=SAVED_HINT
        )
    spec = spec_from_plain(mapping, schema)
    if spec is not None:
        check_ranges(spec)
        return spec
    try:
        text = yaml.safe_dump(mapping)
        mapping = read_yaml(text)  # within bounds
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of a checkpoint: tensors
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise UsageError(f"{source} is not a configuration: {reason}", hint=SAVED_HINT) from error
    refuse_interpolation(text, str(source))
    # What a run has written already has the right types; only edited files need conversion.
    from alexcli.config.conversion import convert  # imports Hydra

    return cast(Spec, convert(mapping, schema, source))


def refuse_interpolation(text: str, source: str) -> None:
    """Raise UsageError for text that would make OmegaConf read this machine's environment."""
    if "${" in text:
        raise UsageError(
            f"{source} contains an interpolation (${{...}}), which a saved configuration never has",
            hint="write the value itself",
        )
