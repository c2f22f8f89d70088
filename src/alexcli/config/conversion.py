"""Converting OmegaConf's configurations to dataclasses, with messages for errors."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from alexcli.config.omegaconf_errors import explained
from alexcli.config.validation import check_ranges
from alexcli.errors import UsageError


def convert(mapping: dict[Any, Any], schema: type, source: Path) -> Any:
    """Convert nested mappings to the dataclass of a schema.

    Args:
        mapping: plain data, without interpolations.
        schema: the dataclass that it must fit.
        source: the file that the data comes from, for messages.

    Raises:
        UsageError: an unknown key, a value that is missing, out of range or of another type.
    """
    config = OmegaConf.structured(schema)
    with explained(config, source=str(source)):
        config = OmegaConf.merge(config, mapping)
        return to_spec(config, source=str(source))


def to_spec(config: Any, source: str | None = None) -> Any:
    """The dataclasses of a complete configuration.

    Args:
        config: an OmegaConf configuration with a schema.
        source: the file that it comes from, if any.

    Raises:
        UsageError: a value is missing or out of range.
    """
    with explained(config):
        for key in sorted(OmegaConf.missing_keys(config)):
            if source is not None:
                raise UsageError(f"{source}: {key} has no value", hint=f"add a line `{key}: VALUE`")
            raise UsageError(f"{key} has no value", hint=f"{key}=VALUE")
        spec = OmegaConf.to_object(config)
    check_ranges(spec)
    return spec
