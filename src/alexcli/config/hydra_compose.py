"""Composing yaml files with Hydra."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from alexcli.config.omegaconf_errors import explained


def compose_files(root: str, choices: Sequence[str], folder: Path) -> dict[str, Any]:
    """The content of yaml files, one over the other, as nested mappings.

    Args:
        root: the file that lists the groups, without its ending.
        choices: GROUP=CHOICE where it differs from the root's.
        folder: the folder of yaml files.

    Raises:
        UsageError: the files do not fit together.
    """
    GlobalHydra.instance().clear()
    with explained(OmegaConf.create()), initialize_config_dir(str(folder), version_base="1.3"):
        mapping: Any = OmegaConf.to_container(compose(root, overrides=list(choices)))
        return dict(mapping)
