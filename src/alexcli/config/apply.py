"""Setting or removing one key of a configuration, as an override asks for."""

from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from alexcli.config.omegaconf_errors import explained
from alexcli.errors import UsageError


def apply_override(config: Any, override: Override) -> Any:
    """The configuration with one key set, or removed.

    Args:
        config: an OmegaConf configuration with a schema.
        override: `KEY=VALUE` or `~KEY`, parsed.

    Raises:
        UsageError: an unknown key, or a value of another type.
    """
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
            if isinstance(steps, DictConfig):  # `range_test.steps` is a number
                steps.clear()
        return OmegaConf.merge(config, change)
