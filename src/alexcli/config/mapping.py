"""A configuration as plain data."""

from typing import Any, cast

from omegaconf import OmegaConf

from alexcli.schema import AnalyzeSpec, PrepareSpec, TrainSpec


def to_mapping(spec: TrainSpec | AnalyzeSpec | PrepareSpec) -> dict[str, Any]:
    """Nested mappings, with enums by name: what `config show` prints and a run directory keeps."""
    container = OmegaConf.to_container(OmegaConf.structured(spec), enum_to_str=True)
    return cast(dict[str, Any], container)


def flat(config: TrainSpec | dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every single value of a configuration, by its dotted key; an empty mapping has none.

    Args:
        config: a configuration, or one as nested mappings.
        prefix: what the keys begin with.
    """
    mapping = config if isinstance(config, dict) else to_mapping(config)
    values: dict[str, Any] = {}
    for name, value in mapping.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            values.update(flat(value, f"{key}."))
        else:
            values[key] = value
    return values
