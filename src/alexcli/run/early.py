"""Checks of overrides, paths and data before torch is imported, which takes seconds."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from alexcli.data.dataset import Dataset
from alexcli.errors import UsageError
from alexcli.reporter import Reporter
from alexcli.run.build import build_data
from alexcli.run.find import RunCheckpoint, find_checkpoint
from alexcli.schema import LoggerSpec, PlacementKind, TrainSpec

SINGLE_PROCESS = (PlacementKind.single, PlacementKind.split)

LOGGER_PACKAGES = ("tensorboard", "mlflow")
"""The loggers that need a package which alexcli itself does not need.

The package and the extra of alexcli have the logger's name.
"""


def open_early(
    spec: TrainSpec, reporter: Reporter, *, resume: str, overrides: Sequence[str]
) -> tuple[TrainSpec, Dataset] | None:
    """Check the paths that a training names, and open its data.

    Args:
        spec: the configuration.
        reporter: receives notes about the data.
        resume: as `train` takes it.
        overrides: the KEY=VALUE words that the user typed.

    Returns:
        What `build_data` returns; None for a training of several processes, each of which opens
        the data itself.

    Raises:
        UsageError: no such run or checkpoint, a logger without its package, or as `build_data`.
    """
    check_loggers(spec.logger)
    for name in (spec.init_from, resume):
        if name not in (None, "auto", "never"):
            find_checkpoint(str(name), Path(spec.runs).expanduser())
    if spec.placement.kind not in SINGLE_PROCESS:
        return None
    return build_data(spec, reporter, overrides=overrides)


def check_loggers(spec: LoggerSpec) -> None:
    """Raise UsageError for a logger whose package is not installed."""
    for name in LOGGER_PACKAGES:
        if getattr(spec, name) and importlib.util.find_spec(name) is None:
            raise UsageError(
                f"logger={name} needs the package {name}, not installed here",
                hint=f"pip install 'alexcli[{name}]'",
            )


def check_evaluation(checkpoints: Sequence[RunCheckpoint], overrides: Sequence[str]) -> None:
    """Raise UsageError for overrides that an evaluation does not take."""
    if overrides:
        from alexcli.config.evaluation import override_run  # imports Hydra

        override_run(checkpoints[0].run.read_config(), overrides)


def check_images(paths: Sequence[Path]) -> None:
    """Raise UsageError for a path of an image that does not exist."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist", hint="name image files or folders of them")


def check_images_key(overrides: Sequence[str]) -> None:
    """Raise UsageError if `images=PATH` does not exist; a path in quotes is checked later."""
    typed = [word.partition("=")[2] for word in overrides if word.startswith("images=")]
    plain = [path for path in typed if path not in ("", "null") and path[0] not in "'\""]
    check_images([Path(path).expanduser() for path in plain])


def check_root(spec: TrainSpec, reporter: Reporter) -> None:
    """Raise UsageError for a missing `data.root`; an existing one is checked later.

    Args:
        spec: the configuration.
        reporter: receives notes about the data.
    """
    root = spec.data.root
    if root is not None and "://" not in root and not Path(root).expanduser().exists():
        build_data(spec, reporter)
