"""Changing the data of a trained run, or the way to evaluate it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from alexcli.config.apply import apply_override
from alexcli.config.compose import compose
from alexcli.config.conversion import to_spec
from alexcli.config.files import groups
from alexcli.config.overrides import parse
from alexcli.config.saved import refuse_interpolation
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec

EVALUATION_GROUPS = ("data", "eval", "placement", "trainer")
"""The groups that may differ when a trained net is evaluated."""
PIXEL_KEYS = ("size", "resize", "kernel")
"""Keys of `data` that say how an image becomes pixels: a net reads other data as in training."""


def override_run(spec: TrainSpec, overrides: Sequence[str]) -> TrainSpec:
    """A run's configuration with other data or another way to evaluate.

    Args:
        spec: the run's configuration.
        overrides: of `data.*`, `eval.*`, `placement.*` or `trainer.*`, or `data=CHOICE` for a whole
            group. How images become pixels stays the run's unless `data.size`, `data.resize` or
            `data.kernel` are among them.

    Raises:
        UsageError: another key, which would change the net that was trained, or anything that
            `compose` refuses.
    """
    config = OmegaConf.structured(spec)
    group_names = groups()
    for override in parse(overrides):
        group = override.key_or_group
        typed = override.input_line or ""
        refuse_interpolation(typed, "the command line")
        _refuse_training_key(config, override, group_names)
        if override.is_delete():
            raise UsageError(
                f"{typed!r} leaves nothing to evaluate with", hint=f"{group}=VALUE sets it"
            )
        if group in group_names:
            chosen = getattr(compose(["experiment=null", typed], TrainSpec), group)
            if group == "data":
                chosen = replace(chosen, **{key: config.data[key] for key in PIXEL_KEYS})
            config[group] = chosen
        else:
            config = apply_override(config, override)
    return cast(TrainSpec, to_spec(config))


def _refuse_training_key(config: Any, override: Override, group_names: Sequence[str]) -> None:
    """Raise UsageError if an override would change the net that was trained."""
    key = override.key_or_group
    section = key.partition(".")[0]
    if section in EVALUATION_GROUPS:
        return
    if section not in config and key not in group_names:
        allowed_config = OmegaConf.create({group: config[group] for group in EVALUATION_GROUPS})
        OmegaConf.set_struct(allowed_config, True)
        apply_override(allowed_config, override)  # raises, and suggests allowed keys only
    hint = "alexcli train trains another net"
    if key not in group_names:
        try:
            apply_override(config, override)
        except UsageError as error:  # its own hint would be refused here
            raise UsageError(error.message, hint=hint) from error
    allowed = ", ".join(f"{group}.*" for group in EVALUATION_GROUPS)
    raise UsageError(
        f"{override.input_line!r} would change a net that is already trained; "
        f"allowed are {allowed}",
        hint=hint,
    )
